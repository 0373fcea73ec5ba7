/** Live saves of a synthetic guest with real workers: the file equals the memory of the guest when it was frozen. */
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { saveSynthetic } from '../../src-main/synthetic/save';
import { startThreadWorker } from '../../src-main/workers/thread-worker';
import type {
  SyntheticGuestOptions,
  SyntheticReport,
  SyntheticSaveOptions,
} from '../../src-shared/contracts/synthetic';
import { buildWorker, startProcessWorker, type BuiltWorker } from '../support/services';
import { compareWithMemory, openRooms, syntheticSave, type TestRooms } from '../support/synthetic';
import { tempDirPerTest } from '../support/temp';

const MIB = 1024 * 1024;
const never = new AbortController().signal;
const folder = tempDirPerTest('sf-y');
let built: BuiltWorker;
let processes: TestRooms;
let threads: TestRooms;

beforeAll(async () => {
  built = await buildWorker();
  processes = openRooms((purpose) => startProcessWorker(built.file, purpose));
  threads = openRooms((purpose) => startThreadWorker(built.file, purpose));
});
afterAll(async () => {
  await processes.end();
  await threads.end();
  await built.remove();
});

/** Saves a guest that runs, and holds the file against its memory. */
async function saveAndCompare(
  rooms: TestRooms,
  guestOptions: Partial<SyntheticGuestOptions>,
  options: Partial<SyntheticSaveOptions>,
): Promise<SyntheticReport> {
  const guest = await rooms.guest(guestOptions);
  try {
    await guest.run();
    const out = join(folder(), 'a.mapped');
    const report = await saveSynthetic(rooms, guest, syntheticSave(out, options), never);
    const compared = await compareWithMemory(out, guest.ram.path);
    expect([compared.wrong, compared.stale]).toEqual([[], []]);
    expect(compared.present).toBe(report.presentPages);
    await expectWhole(rooms, out);
    expectBounded(report, guest.options);
    // The guest is frozen: its memory does not change any more.
    expect(await compareWithMemory(out, guest.ram.path)).toEqual(compared);
    expect(await readdir(folder())).toEqual(['a.mapped']);
    return report;
  } finally {
    await guest.end();
  }
}

/** Our own parser calls it complete, and every present page has data under it. */
async function expectWhole(rooms: TestRooms, out: string): Promise<void> {
  const { lease, release } = await rooms.files.lendPath(out);
  const worker = await rooms.workers.take('checking');
  try {
    expect((await worker.api.checkSaved(lease)).wrong).toEqual([]);
    const report = await worker.api.inspect(lease);
    expect(report).toMatchObject({ complete: true, machine: 'synthetic' });
    // A file of zeros alone is warned of: it looks like a save that was killed.
    const empty = report.ramBlocks[0]?.pagesPresent === 0;
    expect(report.problems.map(({ code }) => code)).toEqual(empty ? ['bitmaps-empty'] : []);
  } finally {
    worker.stop();
    await release();
  }
}

/** However long it took, the file is not longer than the memory, nor larger on the disk than the pages ever present. */
function expectBounded(report: SyntheticReport, { ramBytes, pageSize }: SyntheticGuestOptions): void {
  const around = Math.ceil(ramBytes / pageSize / 64) * 8 + MIB + 4 * MIB;
  expect(report.fileBytes).toBeLessThanOrEqual(ramBytes + around);
  expect(report.allocatedBytes).toBeLessThanOrEqual(report.everPresentPages * pageSize + around);
  expect(report.allocatedBytes).toBeGreaterThanOrEqual(report.presentPages * pageSize);
}

describe('a live save', () => {
  test.each([
    ...[1, 2, 4].flatMap((channels) => [true, false].map((directIo) => ['processes', channels, directIo] as const)),
    ['threads', 2, true],
    ['threads', 3, false],
  ] as const)(
    'by channels that are %s (%i, direct I/O %s) equals the frozen memory',
    async (kind, channels, directIo) => {
      const rooms = kind === 'threads' ? threads : processes;
      const report = await saveAndCompare(rooms, {}, { channels, directIo });
      expect(report).toMatchObject({ converged: true, why: null, directIo, deaths: 0 });
      expect(report.passes.length).toBeGreaterThan(1);
      expect(report.passes.at(-1)?.dirtied).toBeNull();
      expect(report.passes[0]?.dirtied).toBeGreaterThan(0);
    },
  );
});

describe('a guest', () => {
  test('that changes memory faster than it is copied is frozen in the end, and it is said why', async () => {
    const report = await saveAndCompare(
      processes,
      { mibPerSecond: 0, workingSetBytes: 48 * MIB },
      { downtimeMs: 0, bytesPerSecond: 200e6, liveLimitSeconds: 3 },
    );
    expect(report.converged).toBe(false);
    expect(report.why).toMatch(/The (guest changes its memory as fast as it is copied|time limit of 3 s was reached)/);
  });

  test('is given no more passes than are allowed', async () => {
    const report = await saveAndCompare(processes, { mibPerSecond: 0 }, { downtimeMs: 0, mostPasses: 3 });
    expect(report).toMatchObject({ converged: false, why: 'The limit of 3 passes was reached.' });
    expect(report.passes.map(({ number }) => number)).toEqual([1, 2, 3]);
  });

  test.each([true, false])(
    'whose pages turn zero again leaves no old bytes behind (direct I/O %s)',
    async (directIo) => {
      const report = await saveAndCompare(
        processes,
        { zeroShare: 0, zeroAgainShare: 0.6, mibPerSecond: 0 },
        { directIo, downtimeMs: 0, mostPasses: 4 },
      );
      expect(report.everPresentPages).toBeGreaterThan(report.presentPages);
    },
  );

  test.each([
    ['that does nothing', { workingSetBytes: 0 }],
    ['without a page that is not zero', { zeroShare: 1, workingSetBytes: 0 }],
    ['with large pages and a length that is no whole digest', { pageSize: 65_536, ramBytes: 64 * MIB - 3 * 65_536 }],
    ['with small memory', { ramBytes: 4096 * 3, workingSetBytes: 4096 }],
    ['with all of its memory in motion', { workingSetBytes: 64 * MIB, mibPerSecond: 256 }],
  ])('%s is saved', async (_, options) => {
    await saveAndCompare(processes, { zeroAgainShare: 0.3, ...options }, {});
  });

  test('is frozen before anything is copied in a paused save, which is one pass', async () => {
    const report = await saveAndCompare(processes, { mibPerSecond: 0 }, { mode: 'paused', directIo: true });
    expect(report.passes).toHaveLength(1);
    expect(report.downtimeMs).toBeGreaterThanOrEqual(report.passes[0]?.ms ?? Infinity);
  });

  test.each<[string, Partial<SyntheticGuestOptions>, string]>([
    ['RAM of no whole pages', { ramBytes: 5000 }, '5000 bytes of RAM are no whole pages'],
    ['a page size that is none', { pageSize: 3000 }, '3000 bytes are no page'],
    ['a working set larger than its RAM', { workingSetBytes: 2 ** 40 }, 'the working set is larger than the RAM'],
    ['a share above 1', { zeroShare: 1.5 }, 'a share is outside 0 … 1'],
  ])('with %s is refused', async (_, options, what) => {
    await expect(processes.guest(options)).rejects.toMatchObject({ failure: { code: 'usage', what } });
    expect(processes.files.openCount()).toBe(0);
  });
});

describe('the limit in bytes per second', () => {
  test('is kept within a tenth', async () => {
    const report = await saveAndCompare(processes, { workingSetBytes: 0, zeroShare: 0 }, { bytesPerSecond: 50e6 });
    expect(report.mbPerSecond).toBeLessThan(55);
    expect(report.mbPerSecond).toBeGreaterThan(45);
  });
});

describe('the file', () => {
  test('never replaces one that is there', async () => {
    const guest = await processes.guest();
    const out = join(folder(), 'a.mapped');
    await writeFile(out, 'theirs');
    await expect(saveSynthetic(processes, guest, syntheticSave(out), never)).rejects.toMatchObject({
      failure: { code: 'file.exists', where: { path: out } },
    });
    expect((await stat(out)).size).toBe(6);
    expect(await readdir(folder())).toEqual(['a.mapped']);
    await guest.end();
  });

  test('never replaces one that came meanwhile', async () => {
    const guest = await processes.guest();
    const out = join(folder(), 'a.mapped');
    const saving = saveSynthetic(processes, guest, syntheticSave(out), never, {
      onPass: () => void writeFile(out, 'theirs'),
    });
    await expect(saving).rejects.toMatchObject({ failure: { code: 'file.exists' } });
    expect((await stat(out)).size).toBe(6);
    expect(await readdir(folder())).toEqual(['a.mapped']);
    await guest.end();
  });

  test('in a folder that is not there is refused', async () => {
    const guest = await processes.guest();
    const out = join(folder(), 'none', 'a.mapped');
    await expect(saveSynthetic(processes, guest, syntheticSave(out), never)).rejects.toMatchObject({
      failure: { code: 'file.not-found' },
    });
    await guest.end();
  });
});

test('a save tells lanes and passes while it goes on', async () => {
  const guest = await processes.guest({ ramBytes: 256 * MIB, workingSetBytes: 32 * MIB });
  await guest.run();
  const lanes: number[] = [];
  const passes: number[] = [];
  const positions = new Set<number>();
  const report = await saveSynthetic(
    processes,
    guest,
    syntheticSave(join(folder(), 'a.mapped'), { channels: 3, bytesPerSecond: 300e6 }),
    never,
    {
      onPass: ({ number }) => passes.push(number),
      onProgress: (progress) => {
        lanes.push(progress.lanes.length);
        for (const { position } of progress.lanes) if (position !== null) positions.add(position);
      },
    },
  );
  expect(passes).toEqual(report.passes.map(({ number }) => number));
  expect(new Set(lanes)).toEqual(new Set([3]));
  expect(lanes.length).toBeLessThanOrEqual(report.totalMs / 100);
  expect(positions.size).toBeGreaterThan(2);
  await guest.end();
});
