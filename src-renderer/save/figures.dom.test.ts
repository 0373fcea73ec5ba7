import type { SaveProgress } from '@shared/contracts/saves';
import { expect, test } from 'vitest';
import { show, textOf, the } from '../ui/testing.fixture';
import { exampleJob, exampleProgress } from './example.fixture';
import SaveFigures from './SaveFigures.svelte';

const UNKNOWN: Partial<SaveProgress> = { secondsLeft: null, dirtyBytesPerSecond: 400e6 };

test.each<[Partial<SaveProgress>, string]>([
  [{}, '5 s left elapsed 10.3 s, guest dirties 100 MB/s'],
  [UNKNOWN, 'unknown time left the guest dirties as fast as it is written'],
  [{ ...UNKNOWN, guest: 'paused' }, 'unknown time left elapsed 10.3 s'],
  [{ guest: 'paused', dirtyBytesPerSecond: 0 }, '5 s left elapsed 10.3 s'],
  [{ phase: 'flushing', step: 'flushing the disk' }, '5 s left elapsed 10.3 s, flushing the disk'],
])('the first figure of %j: “%s”', (over, words) => {
  const root = show(SaveFigures, { job: exampleJob({ progress: exampleProgress(over) }) });
  expect(textOf(the(root, '.figures > div:first-child'))).toBe(words);
});
