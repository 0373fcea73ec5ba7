/** VMs that QEMU cannot save live under TCG (src-main/qemu/live-hazard.ts): refused before anything is changed. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  buildWorker,
  openTestServices,
  saveAndWait,
  saveOptions,
  startMachine,
  type BuiltWorker,
  type TestServices,
} from '../support/services';
import { makeTempDir, removeTempDir } from '../support/temp';

let worker: BuiltWorker;
let folder: string;
let services: TestServices;

beforeAll(async () => {
  worker = await buildWorker();
});
afterAll(() => worker.remove());
beforeEach(async () => {
  folder = await makeTempDir();
  services = await openTestServices({ folder, worker });
});
afterEach(async () => {
  await services.end();
  await removeTempDir(folder);
});

const memory = (id: string, mib: number): readonly string[] => [
  '-object',
  `memory-backend-ram,id=${id},size=${String(mib)}M`,
];

test.each<[string, readonly string[], RegExp]>([
  [
    'a DIMM shorter than its memory, which would end QEMU',
    ['-m', '128M,slots=1,maxmem=512M', ...memory('m1', 64), '-device', 'pc-dimm,memdev=m1'],
    /ends itself/,
  ],
  [
    'two NUMA nodes, of which QEMU may miss writes',
    ['-m', '128', ...memory('n0', 64), ...memory('n1', 64), '-numa', 'node,memdev=n0', '-numa', 'node,memdev=n1'],
    /may miss/,
  ],
])('a live save of a VM with %s is refused; paused it is saved and comes back', async (_, argv, why) => {
  const machine = await startMachine(services, {
    kind: 'recipe',
    recipe: {
      name: 'odd-memory',
      program: 'qemu-system-x86_64',
      argv: ['-M', 'q35', '-accel', 'tcg', '-nodefaults', '-display', 'none', ...argv],
      env: {},
      cwd: '/',
    },
  });
  const outlook = await services.saves.outlook(machine.id);
  expect(outlook.liveBlocked).toMatch(why);
  expect(outlook.blocked).toBeNull();

  await expect(services.saves.begin(saveOptions(machine.id, { mode: 'live' }))).rejects.toMatchObject({
    failure: { code: 'save.blocked', what: expect.stringMatching(why) as string },
  });
  expect((await services.machines.get(machine.id)).state).toBe('running');
  expect((await services.library.overview()).entries).toEqual([]);

  const { outcome } = await saveAndWait(services, saveOptions(machine.id, { mode: 'paused', after: 'quit' }));
  expect(outcome).toMatchObject({ kind: 'saved' });
  const [entry] = (await services.library.overview()).entries;
  if (entry === undefined) throw new Error('the library has no snapshot');
  const { machine: restored } = await services.restores.restore(entry.id, { engine: 'auto', then: null, accepted: [] });
  expect(restored.state).toBe('running');
});
