import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SavePhase } from '../../src-shared/contracts/saves';
import { hasEnded } from '../support/processes';
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
  await rig.start({ kind: 'demo', memoryMiB: 64, dirtyMiB: 32, dirtyMiBPerSecond: 512 });
});
afterAll(async () => {
  await rig.services.end();
  await removeTempDir(folder);
  await worker.remove();
});

/** Until QEMU has written everything, its death is the end of the save. Later the snapshot is whole and is kept. */
const LOST: ReadonlySet<SavePhase> = new Set(['preparing']);
const KEPT: ReadonlySet<SavePhase> = new Set(['flushing', 'sealing']);

describe(`a save whose QEMU is killed (seed ${String(seed)})`, () => {
  test.each(PHASES)('while %s', { timeout: LIMIT_MS }, async (phase) => {
    const kinds = (
      [
        { mode: 'live' },
        { mode: 'paused' },
        { mode: 'paused', engine: 'channels' },
        { mode: 'live', engine: 'ingest' },
        { mode: 'paused', engine: 'ingest' },
      ] as const
    ).map((kind) => ({ ...kind, after: 'pause' as const }));
    const ends = { failed: 0, saved: 0 };
    const pidOf = (): number => rig.machine.pid ?? -1;
    await rig.inPhase(
      phase,
      kinds,
      () => process.kill(pidOf(), 'SIGKILL'),
      async (trial) => {
        if (trial === null) {
          await rig.services.machines.powerOff(rig.machine.id);
        } else {
          const { outcome } = trial.job;
          if (outcome?.kind === 'failed') {
            ends.failed += 1;
            expect(outcome.failure.code).toBe('qemu.gone');
            expect(outcome.vm).toMatch(/^QEMU has ended, and the VM with it\./);
            expect(await rig.entries()).toEqual([]);
          } else {
            ends.saved += 1;
            expect(outcome).toMatchObject({ kind: 'saved', result: { durable: true } });
            expect((await rig.entries()).map(({ state }) => state)).toEqual([{ kind: 'good', durable: true }]);
          }
          expect(await hasEnded(pidOf(), 3000)).toBe(true);
        }
        await rig.expectNothingLeft();
        await rig.emptyLibrary();
        await untilOff();
        rig.machine = await rig.services.machines.start(rig.machine.id);
      },
    );
    if (LOST.has(phase)) expect(ends.saved).toBe(0);
    if (KEPT.has(phase)) expect(ends.failed).toBe(0);
  });
});

/** Main sees the end of a QEMU a moment after the kernel does. */
async function untilOff(): Promise<void> {
  for (const limit = Date.now() + 10_000; ; await new Promise((resolve) => setTimeout(resolve, 10))) {
    const { state } = await rig.services.machines.get(rig.machine.id);
    if (state === 'off') return;
    if (Date.now() > limit) throw new Error(`the machine is still ${state}`);
  }
}
