/** A good snapshot, and how it could be loaded, for tests. */
import type { LoadOutlook, Manifest, SnapshotEntry, SnapshotId } from '@shared/contracts/library';

export const exampleManifest = (over: Partial<Manifest> = {}): Manifest => ({
  formatVersion: 1,
  name: 'before-full-upgrade',
  note: 'Last state with kernel 6.12.48.',
  machineName: 'deb13-build',
  recipe: null,
  qemuVersion: '10.0.2',
  machineType: 'pc-q35-10.0',
  accelerator: 'tcg',
  cpuModel: 'qemu64',
  cpus: 1,
  memoryBytes: 2 ** 31,
  savedAt: '2026-11-22T09:02:00.000Z',
  wasRunning: true,
  engine: 'native',
  digests: null,
  mode: 'live',
  finishedPaused: null,
  channels: 4,
  directIo: true,
  durable: true,
  bytesWritten: 1.2e9,
  pagesWritten: 291_204,
  timings: { totalMs: 1300, pausedMs: 19, writingMs: 1000, flushingMs: 200, sealingMs: 10 },
  memoryFileBytes: 2.02 * 2 ** 30,
  blocks: [],
  ramMap: [],
  disks: [],
  ...over,
});

export const exampleEntry = (over: Partial<SnapshotEntry> = {}): SnapshotEntry => ({
  id: (over.name ?? 'before-full-upgrade') as SnapshotId,
  name: 'before-full-upgrade',
  note: 'Last state with kernel 6.12.48.',
  state: { kind: 'good', durable: true },
  folder: '/library/before-full-upgrade',
  memoryFile: '/library/before-full-upgrade/memory.mapped',
  streamOffset: 0,
  machineName: 'deb13-build',
  savedAt: '2026-11-22T09:02:00.000Z',
  ramBytes: 2 ** 31,
  fileBytes: 2.02 * 2 ** 30,
  bytesOnDisk: 1.14 * 2 ** 30,
  manifest: exampleManifest(),
  screenUrl: null,
  ...over,
});

export const exampleLoad = (over: Partial<LoadOutlook> = {}): LoadOutlook => ({
  engines: [
    { engine: 'native', blocked: null },
    { engine: 'channels', blocked: 'The recipe gives its memory a backend of its own' },
    { engine: 'emit', blocked: null },
  ],
  auto: { engine: 'native', why: 'QEMU 10.0.2 reads mapped-ram files.' },
  ...over,
});
