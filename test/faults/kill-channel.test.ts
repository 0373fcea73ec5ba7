/** What happens to the channels of a save: killed at any moment, stopped, or on a disk that fails. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { xxh3 } from '@node-rs/xxhash';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeDigests } from '../../src-shared/mapped-ram/digests-file';
import { hasEnded, isAlive } from '../support/processes';
import { buildWorker, type BuiltWorker } from '../support/services';
import { makeTempDir, removeTempDir } from '../support/temp';
import { LIMIT_MS, Rig, seed } from './support/rig';

/** More of them are a campaign of its own: `npm run campaign:kills`. */
const KILLS = Number(process.env['STILLFRAME_KILLS'] ?? 50);
let worker: BuiltWorker;
let folder: string;
let rig: Rig;

beforeAll(async () => {
  worker = await buildWorker();
  folder = await makeTempDir();
  rig = await Rig.open(folder, worker);
  await rig.start({ kind: 'demo', memoryMiB: 96, dirtyMiB: 80, dirtyMiBPerSecond: 256 });
});
afterAll(async () => {
  await rig.services.end();
  await removeTempDir(folder);
  await worker.remove();
});

/** The channels that are alive, oldest first. */
async function alive(): Promise<readonly number[]> {
  const pids = rig.services.startedWorkers.flatMap(({ pid, isChannel }) => (isChannel && pid !== null ? [pid] : []));
  const living = await Promise.all(pids.map(isAlive));
  return pids.filter((_, at) => living[at]);
}

async function killOne(nth: number): Promise<void> {
  const pids = await alive();
  const pid = pids[nth % Math.max(1, pids.length)];
  try {
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It ended between the look and the kill.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Every MiB of RAM in the file has the digest that was taken while it was copied. Answers how many were compared. */
async function expectDigestsRight(): Promise<number> {
  const [entry] = await rig.entries();
  if (entry?.memoryFile == null) throw new Error('there is no snapshot');
  const bytes = await readFile(entry.memoryFile);
  const digests = decodeDigests(await readFile(join(entry.folder, 'digests.bin')), 'digests.bin');
  const { lease, release } = await rig.services.files.lendPath(entry.memoryFile);
  const one = await rig.services.workers.take('test');
  let compared = 0;
  try {
    const { ramBlocks } = await one.api.inspect(lease);
    for (const { name, usedLength, digests: expected } of digests.blocks) {
      const start = ramBlocks.find((block) => block.name === name)?.pagesOffset ?? -1;
      for (let at = 0; at < usedLength; at += digests.unitBytes) {
        const digest = Buffer.from(expected).readBigUInt64LE((at / digests.unitBytes) * 8);
        const unit = bytes.subarray(start + at, start + Math.min(at + digests.unitBytes, usedLength));
        if (digest === 0n) expect(unit.every((byte) => byte === 0)).toBe(true);
        else expect(xxh3.xxh64(unit)).toBe(digest);
        compared += digest === 0n ? 0 : 1;
      }
    }
  } finally {
    one.stop();
    await release();
  }
  return compared;
}

describe(`a save by channels (seed ${String(seed)})`, () => {
  test(
    `of which one is killed at ${String(KILLS)} random moments is whole all the same, or fails and leaves the VM running`,
    { timeout: LIMIT_MS },
    async () => {
      const before = await rig.vmState();
      const ends = { saved: 0, failed: 0 };
      for (let kills = 0; kills < KILLS;) {
        const kind = { mode: 'paused', engine: 'channels', channels: 4, directIo: kills % 2 === 0 } as const;
        const trial = await rig.tryOnce(kills % 5 === 0 ? 'preparing' : 'writing', kind, () => killOne(kills));
        if (trial === null) {
          await rig.emptyLibrary();
          continue;
        }
        kills += 1;
        const { outcome } = trial.job;
        if (outcome?.kind === 'saved') {
          ends.saved += 1;
          if (ends.saved % 5 === 0) expect(await expectDigestsRight()).toBeGreaterThan(80);
        } else {
          ends.failed += 1;
          expect(outcome).toMatchObject({ failure: { code: 'worker.died' }, vm: 'The VM runs on.' });
          expect(await rig.entries()).toEqual([]);
        }
        expect(await rig.vmState()).toEqual(before);
        await rig.expectNothingLeft();
        await rig.emptyLibrary();
      }
      expect(ends.saved).toBeGreaterThan(KILLS / 2);
    },
  );

  test('whose channels stand still is cancelled all the same', { timeout: LIMIT_MS }, async () => {
    const before = await rig.vmState();
    let stopped: readonly number[] = [];
    const kind = { mode: 'paused', engine: 'channels', channels: 16, directIo: true } as const;
    let cancelMs = Infinity;
    const trial = await rig.tryOnce('writing', kind, async ({ id }) => {
      stopped = await alive();
      for (const pid of stopped) process.kill(pid, 'SIGSTOP');
      const start = performance.now();
      await rig.services.saves.cancel(id);
      cancelMs = performance.now() - start;
    });
    if (trial === null) throw new Error('the save was over before');
    expect(trial.job.outcome).toEqual({ kind: 'cancelled', vm: 'The VM runs on.' });
    expect(cancelMs).toBeLessThan(10_000);
    expect(await rig.vmState()).toEqual(before);
    await rig.expectNothingLeft();
    // Channels that do not close their files in time are ended, not kept for the next save.
    expect(stopped.length).toBeGreaterThanOrEqual(16);
    for (const pid of stopped) expect(await hasEnded(pid, 10_000)).toBe(true);
  });
});
