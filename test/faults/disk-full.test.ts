import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildWorker, type BuiltWorker } from '../support/services';
import { makeTempDir, removeTempDir } from '../support/temp';
import { LIMIT_MS, PHASES, Rig, seed } from './support/rig';

const MIB = 1024 * 1024;
let worker: BuiltWorker;
let folder: string;
let mount: string;
let rig: Rig;

/** A file system of its own, so that it can be filled at one stroke. Mounting needs root, and a run without it fails. */
beforeAll(async () => {
  worker = await buildWorker();
  folder = await makeTempDir();
  mount = join(folder, 'small');
  await mkdir(mount);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256m', 'stillframe-test', mount]);
  await mkdir(join(mount, 'library'));
  rig = await Rig.open(folder, worker, join(mount, 'library'));
  await rig.start({ kind: 'demo', memoryMiB: 64, dirtyMiB: 48, dirtyMiBPerSecond: 512 });
});
afterAll(async () => {
  await rig.services.end();
  execFileSync('umount', [mount]);
  await removeTempDir(folder);
  await worker.remove();
});

const filler = (): string => join(mount, 'filler');

/** Takes every free byte: in one system call, or, when QEMU took some of it meanwhile, by writing until it is full. */
async function fill(): Promise<void> {
  const { bavail, bsize } = await statfs(mount);
  const allocated = spawnSync('fallocate', ['-l', String(bavail * bsize), filler()]);
  if (allocated.status !== 0)
    spawnSync('dd', ['if=/dev/zero', `of=${filler()}`, 'bs=1M', 'oflag=append', 'conv=notrunc']);
}

describe(`a save whose disk fills up (seed ${String(seed)})`, () => {
  test.each(PHASES)(
    'while %s fails and leaves VM and library as they were, or has had the space it needs',
    { timeout: LIMIT_MS },
    async (phase) => {
      const kinds = [
        { mode: 'live' },
        { mode: 'paused', channels: 1 },
        { mode: 'paused', engine: 'channels', channels: 4 },
        { mode: 'live', engine: 'ingest' },
      ] as const;
      const before = await rig.vmState();
      const ends = { failed: 0, saved: 0 };
      await rig.inPhase(phase, kinds, fill, async (trial) => {
        await rm(filler(), { force: true });
        if (trial?.job.outcome?.kind === 'failed') {
          ends.failed += 1;
          expect(trial.job.outcome).toMatchObject({ failure: { code: 'file.no-space' }, vm: 'The VM runs on.' });
          expect(await rig.entries()).toEqual([]);
        } else {
          if (trial !== null) ends.saved += 1;
          expect((await rig.entries()).map(({ state }) => state.kind)).toEqual(['good']);
          await expectWhole();
        }
        expect(await rig.vmState()).toEqual(before);
        await rig.expectNothingLeft();
        await rig.emptyLibrary();
      });
      // A write that QEMU lost must not pass for a save.
      if (phase === 'writing') expect(ends.failed).toBeGreaterThan(0);
    },
  );
});

/** The snapshot in the library has every page it promises. */
async function expectWhole(): Promise<void> {
  const [entry] = await rig.entries();
  const { lease, release } = await rig.services.files.lendPath(entry?.memoryFile ?? '');
  const one = await rig.services.workers.take('test');
  try {
    expect((await one.api.checkSaved(lease)).wrong).toEqual([]);
  } finally {
    one.stop();
    await release();
  }
}

describe('a save that would not fit', () => {
  test('is refused before the VM is stopped', async () => {
    const before = await rig.vmState();
    execFileSync('fallocate', ['-l', String(200 * MIB), filler()]);
    try {
      const { saves } = rig.services;
      const refusal = {
        failure: { code: 'file.no-space', what: expect.stringMatching(/MiB and \d+ MiB are free/) as string },
      };
      await expect(rig.tryOnce('writing', {}, () => undefined)).rejects.toMatchObject(refusal);
      expect((await saves.outlook(rig.machine.id)).blocked?.code).toBe('file.no-space');
      expect(await rig.vmState()).toEqual(before);
      await rig.expectNothingLeft();
    } finally {
      await rm(filler());
    }
  });
});
