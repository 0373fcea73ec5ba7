import { expect, test } from 'vitest';
import { exampleProgress as progress } from './example.fixture';
import { expectedPasses } from './forecast';

test('each pass leaves what is dirtied while it is written, until the rest fits into the downtime', () => {
  const passes = expectedPasses(progress({}));
  // 10 s so far and 5 s to go, at 100 MB/s: 1.5 GB for pass 2, a quarter of it for pass 3, and so on.
  expect(passes?.map(({ number }) => number)).toEqual([2, 3, null]);
  expect(passes?.[0]?.bytes).toBeCloseTo(1.5e9, -3);
  expect(passes?.[1]?.bytes).toBeCloseTo(0.375e9, -3);
  expect(passes?.[2]?.milliseconds).toBeCloseTo(234.4, 0);
});

test('a guest that dirties as fast as it is written has no foreseeable end', () => {
  expect(expectedPasses(progress({ dirtyBytesPerSecond: 400e6 }))).toBeNull();
});

test('before QEMU gave rates nothing is foretold', () => {
  expect(expectedPasses(progress({ dirtyBytesPerSecond: null }))).toBeNull();
  expect(expectedPasses(progress({ bytesRemaining: null }))).toBeNull();
  expect(expectedPasses(progress({ bytesPerSecond: 0 }))).toBeNull();
});

test('a guest that stands still needs no further pass', () => {
  expect(expectedPasses(progress({ guest: 'paused' }))).toEqual([]);
  expect(expectedPasses(progress({ phase: 'flushing' }))).toEqual([]);
});

test('at most three are shown, however slowly they shrink', () => {
  const passes = expectedPasses(progress({ dirtyBytesPerSecond: 370e6 }));
  expect(passes?.map(({ number }) => number)).toEqual([2, 3, 4]);
});
