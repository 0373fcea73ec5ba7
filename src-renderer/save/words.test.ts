import type { SaveOptions, SaveOutcome, SavePlan, SaveProgress } from '@shared/contracts/saves';
import { describe, expect, test } from 'vitest';
import { exampleJob, exampleOptions, exampleProgress } from './example.fixture';
import { passStarts } from './history';
import {
  afterWords,
  cancelWords,
  engineFact,
  flushFact,
  footerLine,
  jobFraction,
  jobLine,
  optionWords,
  partFraction,
  phaseTitle,
  phaseWords,
  safeWords,
  secondsLeft,
} from './words';

const plain = (text: string): string => text.replaceAll('\u00a0', ' ');
const withPlan = (plan: SavePlan | null): SaveProgress => exampleProgress(plan === null ? {} : { plan });
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

const CHANNELS: SavePlan = {
  engine: 'channels',
  why: 'The VM’s memory is shared, so channels copy it without QEMU.',
  channels: 4,
  directIo: true,
  flush: 'direct',
};
const NATIVE: SavePlan = {
  ...CHANNELS,
  engine: 'native',
  why: 'QEMU 10.0.2 has mapped-ram.',
  channels: 2,
  flush: 'ranged',
};

test.each<[Partial<SaveOptions>, SavePlan | null, string]>([
  [{}, null, 'live, 4 channels, direct I/O'],
  [{ mode: 'paused', channels: 1, directIo: false }, null, 'paused first, 1 channel, buffered'],
  [{ engine: 'ingest' }, null, 'live, ingest, direct I/O'],
  [{}, NATIVE, 'live, native, 2 channels, direct I/O'],
  [{ mode: 'paused' }, CHANNELS, 'paused first, channels, 4, direct I/O'],
  [{ mode: 'paused' }, { ...CHANNELS, engine: 'ingest', directIo: false }, 'paused first, ingest, buffered'],
])('options %j with the plan %j in words: “%s”', (options, plan, words) =>
  expect(plain(optionWords(exampleJob({ options: exampleOptions(options), progress: withPlan(plan) })))).toBe(words),
);

test.each<[Partial<SaveOptions>, SavePlan | null, string]>([
  [{}, null, 'auto, being chosen'],
  [{ engine: 'channels' }, null, 'channels'],
  [{ engine: 'channels' }, CHANNELS, 'channels, 4, direct I/O'],
  [
    {},
    CHANNELS,
    'channels, 4, direct I/O. Chosen by auto: the VM’s memory is shared, so channels copy it without QEMU.',
  ],
  [{}, NATIVE, 'native, 2 channels, direct I/O. Chosen by auto: QEMU 10.0.2 has mapped-ram.'],
])('the engine as a fact, of %j with the plan %j: “%s”', (options, plan, words) =>
  expect(plain(engineFact(exampleJob({ options: exampleOptions(options), progress: withPlan(plan) })))).toBe(words),
);

test.each<[Partial<SaveOptions>, SavePlan | null, string | null]>([
  [{}, null, null],
  [{ flush: 'end' }, null, 'at the end, once'],
  [{}, CHANNELS, 'past the page cache, then what is left'],
  [{}, NATIVE, 'while it writes, then what is left'],
  [{ flush: 'none' }, { ...CHANNELS, flush: 'none' }, 'none, not durable'],
  [{ after: 'quit', releaseEarly: true }, NATIVE, 'while it writes, then what is left, after QEMU is released'],
])('the flush as a fact, of %j with the plan %j: “%s”', (options, plan, words) =>
  expect(flushFact(exampleJob({ options: exampleOptions(options), progress: withPlan(plan) }))).toBe(words),
);

test.each<[Partial<SaveOptions>, RegExp]>([
  [{}, /a power cut loses this snapshot and no other/],
  [{ flush: 'none' }, /^This save is not flushed/],
  [{ after: 'quit', releaseEarly: true }, /a power cut loses both the VM and this snapshot/],
])('when %j is safe is said', (options, words) =>
  expect(safeWords(exampleJob({ options: exampleOptions(options) }))).toMatch(words),
);

test.each<[Partial<SaveOptions>, string]>([
  [{}, 'leave the VM running'],
  [{ after: 'quit' }, 'end its QEMU'],
  [{ after: 'quit', releaseEarly: true }, 'end its QEMU before the flush'],
  [{ after: 'run', releaseEarly: true }, 'leave the VM running'],
])('afterwards, of %j: “%s”', (options, words) => expect(afterWords(exampleOptions(options))).toBe(words));

describe('a save by channels', () => {
  const copying = exampleProgress({ plan: CHANNELS, step: 'copying pages', phaseFraction: 0.42, guest: 'paused' });
  const job = exampleJob({ options: exampleOptions({ mode: 'paused' }), progress: copying });

  test('has steps instead of passes', () => {
    expect(phaseTitle('writing', copying)).toBe('Writing');
    expect(plain(phaseWords('writing', job, 0))).toBe('copying pages, 42 %');
    expect(plain(phaseWords('writing', { ...job, progress: { ...copying, phaseFraction: null } }, 0))).toBe(
      'copying pages',
    );
    expect(phaseWords('writing', { ...job, progress: { ...copying, step: 'joining', phaseFraction: 1 } }, 0)).toBe(
      'joining',
    );
    expect(plain(jobLine(job))).toBe('Writing. 4.00 GB, 400 MB/s, 5 s left.');
    expect(passStarts(copying)).toEqual([]);
  });

  test('fills its bar by what is copied, also while the time left is unknown', () => {
    expect(partFraction(copying)).toBe(0.42);
    expect(jobFraction({ ...job, progress: { ...copying, secondsLeft: null } })).toBeCloseTo(0.357);
  });

  test('of a QEMU that is gone cannot be taken back', () =>
    expect(cancelWords({ ...job, progress: { ...copying, phase: 'flushing', guest: 'ended' } })).toMatch(
      /^QEMU has ended.*“not durable”\.$/,
    ));
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
