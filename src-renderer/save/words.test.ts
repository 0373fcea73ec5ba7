import type { SaveOutcome } from '@shared/contracts/saves';
import { describe, expect, test } from 'vitest';
import { exampleJob, exampleOptions, exampleProgress } from './example.fixture';
import {
  cancelWords,
  footerLine,
  jobFraction,
  jobLine,
  optionWords,
  partFraction,
  phaseWords,
  secondsLeft,
} from './words';

const plain = (text: string): string => text.replaceAll('\u00a0', ' ');
const saved: SaveOutcome = {
  kind: 'saved',
  result: {
    snapshot: 'before-llvm-21',
    memoryFile: '/library/before-llvm-21/memory.mapped',
    engine: 'native',
    channels: 4,
    directIo: true,
    flush: 'direct',
    bytesWritten: 6.84e9,
    pagesWritten: 1_670_680,
    timings: { totalMs: 17_200, pausedMs: 19, writingMs: 16_000, flushingMs: 900, sealingMs: 10 },
    durable: true,
  },
};

test('a running save in one line, as on cards', () => {
  const progress = exampleProgress({ pass: 2, bytesWritten: 6.84e9, bytesPerSecond: 412e6, secondsLeft: 4 });
  expect(plain(jobLine(exampleJob({ progress })))).toBe('Writing, pass 2. 6.84 GB, 412 MB/s, 4 s left.');
  expect(plain(footerLine(exampleJob({ progress })))).toBe('deb13-build: writing, pass 2, 6.84 GB, 4 s left');
});

test('unknown time left is left out, not guessed', () =>
  expect(plain(jobLine(exampleJob({ progress: exampleProgress({ secondsLeft: null }) })))).toBe(
    'Writing, pass 1. 4.00 GB, 400 MB/s.',
  ));

test('each end has its sentence', () => {
  expect(plain(jobLine(exampleJob({ outcome: saved })))).toBe('Saved as before-llvm-21. 6.84 GB in 17.2 s.');
  expect(jobLine(exampleJob({ outcome: { kind: 'cancelled', vm: 'The VM runs on.' } }))).toBe(
    'Cancelled. The VM runs on.',
  );
  expect(jobLine(exampleJob({ cancelling: true }))).toMatch(/^Cancelling\./);
});

test('options in words', () => {
  expect(optionWords(exampleOptions())).toBe('live, 4 channels, direct I/O');
  expect(optionWords(exampleOptions({ mode: 'paused', channels: 1, directIo: false }))).toBe(
    'paused first, 1 channel, buffered',
  );
});

describe('the bar', () => {
  test('goes by time over all passes, so it does not begin anew with each', () => {
    const first = jobFraction(exampleJob({ progress: exampleProgress({ phaseFraction: 0.99, secondsLeft: 2 }) })) ?? 0;
    const second =
      jobFraction(
        exampleJob({ progress: exampleProgress({ pass: 2, phaseFraction: 0.01, elapsedMs: 11_000, secondsLeft: 1 }) }),
      ) ?? 0;
    expect(second).toBeGreaterThan(first);
  });

  test('is empty while nobody knows, and full only when saved', () => {
    expect(jobFraction(exampleJob({ progress: exampleProgress({ secondsLeft: null }) }))).toBeNull();
    expect(
      jobFraction(exampleJob({ progress: exampleProgress({ phase: 'sealing', phaseFraction: 0.9 }) })),
    ).toBeLessThan(1);
    expect(jobFraction(exampleJob({ outcome: saved }))).toBe(1);
  });
});

describe('the phase track', () => {
  test('says how long what is behind took, what is going on, and what is ahead', () => {
    const job = exampleJob();
    expect(plain(phaseWords('preparing', job, 2))).toBe('0.3 s');
    expect(plain(phaseWords('writing', job, 2))).toBe('67 % of this pass, 2 more passes expected');
    expect(phaseWords('sealing', job, 2)).toBe('manifest, rename');
  });

  test('fills by what this pass has written, and by nothing before QEMU says how much is left', () => {
    expect(partFraction(exampleProgress({}))).toBeCloseTo(4 / 6);
    expect(partFraction(exampleProgress({ bytesRemaining: null }))).toBeNull();
    expect(partFraction(exampleProgress({ pass: 2 }))).toBeNull();
    expect(partFraction(exampleProgress({ phase: 'flushing', phaseFraction: 0.25 }))).toBe(0.25);
  });

  test('says how far the flush is, and how long it will take at that pace', () => {
    const progress = exampleProgress({
      phase: 'flushing',
      phaseFraction: 0.25,
      secondsLeft: null,
      phaseMs: { preparing: 300, writing: 10_000, flushing: 2000, sealing: 0 },
    });
    expect(plain(phaseWords('flushing', exampleJob({ progress }), null))).toBe('25 %');
    expect(secondsLeft(progress)).toBe(6);
    expect(secondsLeft({ ...progress, phaseFraction: 0.01 })).toBeNull();
    expect(secondsLeft({ ...progress, phase: 'sealing' })).toBeNull();
  });

  test('foretells no passes that it cannot know of', () =>
    expect(plain(phaseWords('writing', exampleJob(), null))).toBe('67 % of this pass'));
});

test('what a cancel does depends on what the guest does now', () => {
  expect(cancelWords(exampleJob())).toMatch(/^The guest goes on running\. The unfinished file is removed\./);
  const paused = { progress: exampleProgress({ guest: 'paused' }) };
  expect(cancelWords(exampleJob(paused))).toMatch(/^The guest runs again\./);
  expect(cancelWords(exampleJob({ ...paused, options: exampleOptions({ mode: 'paused' }) }))).toMatch(
    /^The guest goes back to what it did before the save\./,
  );
});
