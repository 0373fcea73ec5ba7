import type { SaveProgress } from '@shared/contracts/saves';
import { expect, test } from 'vitest';
import { exampleProgress } from './example.fixture';
import { axis, withSample, type Sample } from './history';

test.each([
  [412, 10, 500, 100],
  [500, 10, 500, 100],
  [501, 10, 600, 100],
  [1070, 10, 1200, 300],
  [180, 10, 200, 50],
  [3, 10, 10, 2],
  [0, 5, 5, 1],
  [16.9, 5, 20, 5],
])('an axis for %d, at least %d, ends at %d in steps of %d', (value, least, top, step) => {
  expect(axis(value, least)).toEqual({ top, step: expect.closeTo(step) as number });
});

test.each<[SaveProgress['guest'], number | null]>([
  ['running', 100e6],
  ['paused', null],
  ['ended', null],
])('a guest that is %s dirties %s bytes a second in the chart', (guest, dirtied) =>
  expect(withSample([], exampleProgress({ guest }))).toEqual([{ ms: 10_300, written: 400e6, dirtied }]),
);

test('a long save keeps its whole history in a bounded number of points', () => {
  let samples: readonly Sample[] = [];
  for (let ms = 100; ms <= 1_000_000; ms += 100) {
    samples = withSample(samples, exampleProgress({ elapsedMs: ms }));
  }
  expect(samples.length).toBeLessThanOrEqual(600);
  expect(samples.at(0)?.ms).toBe(100);
  expect(samples.at(-1)?.ms).toBe(1_000_000);
});
