import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SaveOptions } from '../../src-shared/contracts/saves';
import { buildWorker, type BuiltWorker } from '../support/services';
import { makeTempDir, removeTempDir } from '../support/temp';
import { LIMIT_MS, PHASES, Rig, seed } from './support/rig';

let worker: BuiltWorker;
let folder: string;
let rig: Rig;

beforeAll(async () => {
  worker = await buildWorker();
  folder = await makeTempDir();
  rig = await Rig.open(folder, worker);
  await rig.start({ kind: 'demo', memoryMiB: 64, dirtyMiB: 32, dirtyMiBPerSecond: 256 });
});
afterAll(async () => {
  await rig.services.end();
  await removeTempDir(folder);
  await worker.remove();
});

const kinds: readonly Partial<SaveOptions>[] = [
  { mode: 'live', channels: 2 },
  { mode: 'paused', channels: 4, after: 'quit' },
  { mode: 'paused', channels: 16 },
  { mode: 'live', channels: 1, directIo: true },
  { mode: 'paused', engine: 'channels', channels: 4 },
  { mode: 'live', engine: 'ingest' },
  { mode: 'paused', engine: 'channels', channels: 1, directIo: true, after: 'quit' },
  { mode: 'paused', engine: 'ingest' },
];

describe(`a save that is cancelled (seed ${String(seed)})`, () => {
  test.each(PHASES)('while %s leaves the VM running, and nothing else', { timeout: LIMIT_MS }, async (phase) => {
    const before = await rig.vmState();
    const cancelledAfter: number[] = [];
    await rig.inPhase(
      phase,
      kinds,
      async ({ id }) => {
        const start = performance.now();
        await rig.services.saves.cancel(id);
        cancelledAfter.push(performance.now() - start);
      },
      async (trial) => {
        if (trial === null) {
          if ((await rig.services.machines.get(rig.machine.id)).state === 'off')
            await rig.services.machines.start(rig.machine.id);
          await rig.emptyLibrary();
          return;
        }
        expect(trial.job.outcome).toEqual({ kind: 'cancelled', vm: 'The VM runs on.' });
        expect(await rig.vmState()).toEqual(before);
        expect(await rig.entries()).toEqual([]);
        await rig.expectNothingLeft();
      },
    );
    expect(Math.max(...cancelledAfter)).toBeLessThan(3000);
  });

  test(
    'leaves a VM that was paused stopped, also when QEMU had written everything already, and says which',
    { timeout: LIMIT_MS },
    async () => {
      const { machines, saves } = rig.services;
      await machines.pause(rig.machine.id);
      const paused = await rig.vmState();
      await rig.inPhase(
        'writing',
        [{ channels: 4 }, { channels: 16 }],
        ({ id }) => saves.cancel(id),
        async (trial) => {
          const { status, ...rest } = await rig.vmState();
          const said = trial?.job.outcome;
          if (status === 'paused') {
            expect(said).toEqual({ kind: 'cancelled', vm: 'The VM is paused, as before the save.' });
          } else {
            expect(status).toBe('postmigrate');
            const vm = 'The VM stands still, as before the save. QEMU refuses another save until it is resumed.';
            if (trial !== null) expect(said).toEqual({ kind: 'cancelled', vm });
            await machines.resume(rig.machine.id);
            await machines.pause(rig.machine.id);
          }
          expect({ ...rest, status: 'paused' }).toEqual(paused);
          if (trial !== null) expect(await rig.entries()).toEqual([]);
          await rig.expectNothingLeft();
          await rig.emptyLibrary();
        },
      );
    },
  );
});
