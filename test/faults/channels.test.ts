/** Live saves of a synthetic guest whose channels die, stand still, or run out of disk. */
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { saveSynthetic, type SyntheticHooks } from '../../src-main/synthetic/save';
import type { SyntheticGuest } from '../../src-main/synthetic/guest';
import { StillframeError, type Failure } from '../../src-shared/contracts/failure';
import type { SyntheticReport, SyntheticSaveOptions } from '../../src-shared/contracts/synthetic';
import { randomFrom } from '../support/fake-channels';
import { hasEnded, isAlive } from '../support/processes';
import { buildWorker, startProcessWorker, type BuiltWorker } from '../support/services';
import { compareWithMemory, openRooms, syntheticSave, type TestRooms } from '../support/synthetic';
import { makeTempDir, removeTempDir } from '../support/temp';

const MIB = 1024 * 1024;
const CHANNEL = 'copying memory';
const seed = Number(process.env['STILLFRAME_SEED'] ?? Math.floor(Math.random() * 1e9));
const random = randomFrom(seed);
const never = new AbortController().signal;

let built: BuiltWorker;
let rooms: TestRooms;
let guest: SyntheticGuest;
let folder: string;

beforeAll(async () => {
  built = await buildWorker();
});
afterAll(() => built.remove());
beforeEach(async () => {
  folder = await makeTempDir('sf-f');
  rooms = openRooms((purpose) => startProcessWorker(built.file, purpose));
  guest = await rooms.guest({ ramBytes: 32 * MIB, workingSetBytes: 8 * MIB });
});
afterEach(async () => {
  await rooms.end();
  await removeTempDir(folder);
});

interface End {
  readonly report: SyntheticReport | null;
  readonly failure: Failure | null;
  readonly ms: number;
}

/** Runs the guest and saves it into `where`; afterwards either a file that equals its memory is there, or nothing. */
async function trySaving(
  where: string,
  change: Partial<SyntheticSaveOptions> = {},
  signal: AbortSignal = never,
  hooks: SyntheticHooks = {},
): Promise<End> {
  const out = join(where, 'a.mapped');
  await guest.run();
  const startedAt = performance.now();
  const end = await saveSynthetic(rooms, guest, syntheticSave(out, { downtimeMs: 5, ...change }), signal, hooks).then(
    (report) => ({ report, failure: null }),
    (error: unknown) => {
      if (error instanceof StillframeError) return { report: null, failure: error.failure };
      throw error;
    },
  );
  const ms = performance.now() - startedAt;
  if (end.report === null) {
    expect(await readdir(where)).toEqual([]);
  } else {
    const { wrong, stale } = await compareWithMemory(out, guest.ram.path);
    expect([wrong, stale]).toEqual([[], []]);
    expect(await readdir(where)).toEqual(['a.mapped']);
    await rm(out);
  }
  // What is lent is the guest's memory alone: no channel and no helper was forgotten.
  expect(rooms.files.openCount()).toBe(1);
  return { ...end, ms };
}

/** A signal to one of the channels that live; false when none did. */
async function signalChannel(signal: NodeJS.Signals): Promise<boolean> {
  const alive: number[] = [];
  for (const pid of rooms.pidsOf(CHANNEL)) if (await isAlive(pid)) alive.push(pid);
  const pid = alive[Math.floor(random() * alive.length)];
  try {
    return pid !== undefined && process.kill(pid, signal);
  } catch (error) {
    // Another kill, or the end of its save, was quicker.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

describe(`a live save whose channels are killed (seed ${String(seed)})`, () => {
  test('at 100 random moments ends with a file that equals the memory, or fails and leaves none', async () => {
    const usual = Math.max((await trySaving(folder)).ms, (await trySaving(folder)).ms);
    const ends = { whole: 0, redone: 0, failed: 0 };
    for (let trial = 0; trial < 50; trial += 1) {
      // Two of each save; more than may die are killed in some of them.
      const kills = trial % 10 === 9 ? 8 : 2;
      const killing = Promise.all(
        Array.from({ length: kills }, async () => {
          await sleep(random() * usual * 1.1);
          await signalChannel('SIGKILL');
        }),
      );
      const { report, failure } = await trySaving(folder, {
        channels: 1 + Math.floor(random() * 3),
        directIo: random() < 0.5,
      });
      await killing;
      if (report === null) ends.failed += 1;
      else ends[report.deaths > 0 ? 'redone' : 'whole'] += 1;
      if (failure !== null) expect(failure.code).toBe('worker.died');
    }
    expect(ends.redone).toBeGreaterThan(10);
  }, 240_000);
});

describe('a disk that fills up', () => {
  let mount: string;
  afterEach(() => void execFileSync('umount', [mount]));

  /** Mounting needs root, and a run without it fails. */
  async function mountSmall(kind: 'tmpfs' | 'ext4', bytes: number): Promise<void> {
    mount = join(folder, 'small');
    await mkdir(mount);
    if (kind === 'tmpfs') {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${String(bytes)}`, 'stillframe-test', mount]);
      return;
    }
    const image = join(folder, 'image');
    execFileSync('truncate', ['-s', String(bytes), image]);
    execFileSync('mkfs.ext4', ['-q', '-O', '^has_journal', '-m', '0', image]);
    execFileSync('mount', ['-o', 'loop', image, mount]);
    await rm(join(mount, 'lost+found'), { recursive: true });
  }

  test.each([
    ['tmpfs', false],
    ['ext4', false],
    ['ext4', true],
  ] as const)(
    '%s, direct I/O %s: with any amount of space the save ends whole, or fails and leaves nothing',
    async (kind, directIo) => {
      await mountSmall(kind, 60 * MIB);
      const needed = (await trySaving(mount, { directIo })).report?.allocatedBytes ?? 0;
      const ends = { whole: 0, full: 0 };
      for (let step = 0; step <= 12; step += 1) {
        const free = Math.floor((needed * 1.15 * (step + random() * 0.5)) / 12);
        const filler = join(mount, 'filler');
        const { bavail, bsize } = await statfs(mount);
        execFileSync('fallocate', ['-l', String(Math.max(1, bavail * bsize - free)), filler]);
        const out = join(mount, 'saves');
        await mkdir(out).catch(() => undefined);
        const { failure } = await trySaving(out, { directIo, channels: 2 });
        if (failure === null) ends.whole += 1;
        else ends.full += 1;
        if (failure !== null) expect(failure.code).toBe('file.no-space');
        await rm(filler);
        await rm(out, { recursive: true });
      }
      expect(ends.full).toBeGreaterThan(5);
      expect(ends.whole).toBeGreaterThan(0);
    },
    120_000,
  );
});

describe('a worker that is stopped by a signal', () => {
  test.each([CHANNEL, 'writing a file', 'synthetic guest'])(
    'while it is "%s" does not hold up a cancel, and nothing is left',
    async (purpose) => {
      const cancel = new AbortController();
      let pid = 0;
      const saving = trySaving(folder, { bytesPerSecond: 20e6, liveLimitSeconds: null }, cancel.signal, {
        onProgress: () => {
          if (pid !== 0) return;
          pid = rooms.pidsOf(purpose).at(-1) ?? 0;
          process.kill(pid, 'SIGSTOP');
          setTimeout(() => cancel.abort(), 200);
        },
      });
      const { failure, ms } = await saving;
      expect(failure?.code).toBe('save.cancelled');
      expect(ms).toBeLessThan(20_000);
      // The guest is not the save's to end.
      if (purpose === 'synthetic guest') process.kill(pid, 'SIGCONT');
      else expect(await hasEnded(pid, 5_000)).toBe(true);
    },
    60_000,
  );

  test('and goes on later ends whole', async () => {
    let stopped = 0;
    const { report } = await trySaving(folder, { bytesPerSecond: 50e6 }, never, {
      onProgress: () => {
        const pid = rooms.pidsOf(CHANNEL)[stopped % 2];
        if (pid === undefined || stopped >= 4) return;
        stopped += 1;
        process.kill(pid, 'SIGSTOP');
        setTimeout(() => process.kill(pid, 'SIGCONT'), 150);
      },
    });
    expect(stopped).toBeGreaterThan(1);
    expect(report?.deaths).toBe(0);
  }, 60_000);
});

test('a cancel at 30 random moments leaves nothing, or comes too late', async () => {
  const usual = (await trySaving(folder)).ms;
  let cancelled = 0;
  for (let trial = 0; trial < 30; trial += 1) {
    const cancel = new AbortController();
    const timer = setTimeout(() => cancel.abort(), random() * usual);
    const { failure } = await trySaving(folder, { directIo: random() < 0.5 }, cancel.signal);
    clearTimeout(timer);
    if (failure !== null) expect(failure.code).toBe('save.cancelled');
    cancelled += failure === null ? 0 : 1;
  }
  expect(cancelled).toBeGreaterThan(5);
}, 120_000);
