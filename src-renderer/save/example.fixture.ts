/** A save in the middle of its first pass, for tests: 8 GB of RAM, 10 s gone and 5 s to go at 400 MB/s. */
import type { MachineId } from '@shared/contracts/machines';
import type { JobId, SaveJob, SaveOptions, SaveOutlook, SaveProgress } from '@shared/contracts/saves';

export const exampleProgress = (over: Partial<SaveProgress>): SaveProgress => ({
  phase: 'writing',
  step: 'writing memory',
  elapsedMs: 10_300,
  phaseMs: { preparing: 300, writing: 10_000, flushing: 0, sealing: 0 },
  pass: 1,
  passes: [
    { number: 1, pagesWritten: 976_562, bytesWritten: 4e9, zeroPages: 0, pagesDirtied: null, milliseconds: 10_000 },
  ],
  bytesWritten: 4e9,
  bytesRemaining: 2e9,
  ramBytes: 8e9,
  pagesWritten: 976_562,
  pageSize: 4096,
  bytesPerSecond: 400e6,
  pagesPerSecond: 97_656,
  dirtyBytesPerSecond: 100e6,
  secondsLeft: 5,
  phaseFraction: 0.5,
  guest: 'running',
  finishingPaused: null,
  fileBytesOnDisk: 4e9,
  fileBytesAtMost: 8.2e9,
  freeBytes: 400e9,
  notices: [],
  ...over,
});

export const exampleOptions = (over: Partial<SaveOptions> = {}): SaveOptions => ({
  machine: 'm1' as MachineId,
  name: 'before-llvm-21',
  note: '',
  mode: 'live',
  channels: 4,
  directIo: true,
  after: 'run',
  engine: 'auto',
  flush: 'auto',
  releaseEarly: false,
  liveLimitSeconds: 120,
  rateLimit: null,
  out: null,
  ...over,
});

export const exampleJob = (over: Partial<SaveJob> = {}): SaveJob => ({
  id: 'j1' as JobId,
  machine: 'm1' as MachineId,
  machineName: 'deb13-build',
  name: 'before-llvm-21',
  options: exampleOptions(),
  startedAt: '2026-11-23T14:00:00.000Z',
  place: '/library/.saving-7f3a/memory.mapped',
  progress: exampleProgress({}),
  cancelling: false,
  outcome: null,
  ...over,
});

export const exampleOutlook = (over: Partial<SaveOutlook> = {}): SaveOutlook => ({
  blocked: null,
  suggestedName: 'deb13-build-1',
  ramBytes: 8 * 2 ** 30,
  liveBlocked: null,
  fileBytesAtMost: { live: 8.16 * 2 ** 30, paused: 8.16 * 2 ** 30 },
  freeBytes: 412e9,
  directIoPossible: true,
  mappedRam: true,
  engines: [
    { engine: 'native', blocked: { live: null, paused: null } },
    { engine: 'channels', blocked: { live: 'Channels copy the memory of a paused VM only', paused: null } },
  ],
  auto: {
    live: { engine: 'native', why: 'QEMU writes the file itself, and tracks what the guest changes' },
    paused: { engine: 'channels', why: 'The VM’s memory is shared' },
  },
  writableDisks: [],
  ...over,
});
