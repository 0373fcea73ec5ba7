import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { buildWorker, saveAndWait, saveOptions, type BuiltWorker } from '../support/services';
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
afterEach(() => rig.emptyLibrary());
afterAll(async () => {
  await rig.services.end();
  await removeTempDir(folder);
  await worker.remove();
});

/** SIGKILL to the worker that was started last; false when it had ended already. */
function killNewest(): boolean {
  const pid = rig.services.startedWorkers.at(-1)?.pid;
  if (pid === undefined || pid === null) return false;
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

describe(`a save whose worker is killed (seed ${String(seed)})`, () => {
  test.each(PHASES)('while %s goes on with another one and is sealed', { timeout: LIMIT_MS }, async (phase) => {
    const before = await rig.vmState();
    const kinds = [{ mode: 'live' }, { mode: 'paused' }, { mode: 'paused', engine: 'channels', channels: 4 }] as const;
    await rig.inPhase(phase, kinds, killNewest, async (trial) => {
      if (trial !== null) {
        expect(trial.job.outcome).toMatchObject({ kind: 'saved', result: { durable: true } });
        expect(await rig.vmState()).toEqual(before);
        expect((await rig.entries()).map(({ state }) => state)).toEqual([{ kind: 'good', durable: true }]);
        await rig.expectNothingLeft();
      }
      await rig.emptyLibrary();
    });
  });

  test('and whose next one is killed too fails, says so, and leaves VM and library as they were', async () => {
    const before = await rig.vmState();
    const killing = setInterval(killNewest, 5);
    try {
      for (let count = 0; count < 5; count += 1) {
        const { outcome } = await saveAndWait(rig.services, saveOptions(rig.machine.id, { engine: 'native' }));
        expect(outcome).toMatchObject({
          kind: 'failed',
          failure: { code: 'worker.died' },
          vm: 'The VM runs on.',
        });
        expect(await rig.vmState()).toEqual(before);
        expect(await rig.entries()).toEqual([]);
      }
    } finally {
      clearInterval(killing);
    }
    await rig.expectNothingLeft();
  });
});
