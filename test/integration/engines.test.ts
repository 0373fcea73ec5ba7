/** Saves by every engine, of guests that know their memory, judged page for page in VMs of plain QEMU. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Machine } from '../../src-shared/contracts/machines';
import type { SaveOptions, SaveResult } from '../../src-shared/contracts/saves';
import { Monitor } from '../support/guest-memory';
import { LINUX_MEMORY_MIB } from '../support/linux-guest';
import { makeGuests, type Guests } from '../support/guests';
import { restoreWithPlainQemu, type MigrateOptions } from '../support/plain-qemu';
import { expectHoldsBlocksOf, expectSameMemory, keepMemory, memoryOf } from '../support/same-memory';
import {
  buildWorker,
  openTestServices,
  saveAndWait,
  saveOptions,
  startMachine,
  type BuiltWorker,
  type TestServices,
} from '../support/services';
import { sharedMemory } from '../support/shared-memory';
import { makeTempDir, removeTempDir } from '../support/temp';

/** Every way in which stock QEMU loads a mapped-ram file. */
const LOADS: readonly (readonly [string, MigrateOptions])[] = [
  ['without multifd', { mappedRam: true }],
  ['with multifd', { mappedRam: true, channels: 2 }],
  ['with multifd and direct I/O', { mappedRam: true, channels: 4, directIo: true }],
];

let worker: BuiltWorker;
let folder = '';
let guests: Guests;
let services: TestServices;

beforeAll(async () => {
  worker = await buildWorker();
  folder = await makeTempDir();
  guests = await makeGuests(folder);
  services = await openTestServices({ folder, worker });
}, 180_000);

afterAll(async () => {
  await services.end();
  await removeTempDir(folder);
  await worker.remove();
});

const KINDS = ['tight', 'numa', 'linux'] as const;
type Kind = (typeof KINDS)[number];

/** The guest's command line with its RAM in a shared file; the NUMA guest's own has that already. */
function sharedArgv(kind: Kind, vm: string): readonly string[] {
  const argv = guests[kind].argv(vm);
  if (kind === 'numa') return argv;
  return [...argv, ...sharedMemory([kind === 'linux' ? LINUX_MEMORY_MIB : 64])];
}

async function start(kind: Kind, name: string): Promise<{ readonly machine: Machine; readonly monitor: Monitor }> {
  const recipe = { name, program: 'qemu-system-x86_64', argv: sharedArgv(kind, name), env: {}, cwd: '/' };
  const machine = await startMachine(services, { kind: 'recipe', recipe });
  const monitor = await Monitor.open(machine.toolsQmp ?? '');
  await guests[kind].up(monitor, name);
  return { machine, monitor };
}

async function save(machine: Machine, change: Partial<SaveOptions>): Promise<SaveResult> {
  const { outcome } = await saveAndWait(services, saveOptions(machine.id, change));
  if (outcome?.kind !== 'saved') throw new Error(JSON.stringify(outcome));
  return outcome.result;
}

describe.each(KINDS)('the %s guest, saved paused', (kind) => {
  let machine: Machine;
  let source: Monitor;

  beforeAll(async () => ({ machine, monitor: source } = await start(kind, `source-${kind}`)));
  afterAll(async () => {
    source.close();
    await services.machines.powerOff(machine.id);
  });

  test.each<[string, Partial<SaveOptions>]>([
    ['by channels past the page cache', { engine: 'channels', channels: 4, directIo: true }],
    ['by one channel through the page cache', { engine: 'channels', channels: 1, directIo: false }],
    ['by ingest', { engine: 'ingest', directIo: false }],
  ])(
    '%s, it comes back the same in stock QEMU, however that loads, and runs on',
    async (_, change) => {
      await source.qmp('cont');
      const saved = await save(machine, { ...change, mode: 'paused', after: 'pause' });
      expect(saved).toMatchObject({ engine: change.engine, directIo: change.directIo, durable: true });
      const before = await keepMemory(source, folder);
      for (const [way, migrate] of LOADS) {
        const name = `restored-${kind}`;
        const load = { argv: [...sharedArgv(kind, name), '-S'], folder, uri: `file:${saved.memoryFile}`, migrate };
        const restored = await restoreWithPlainQemu(load);
        try {
          const { pagesNotZero } = await expectSameMemory(before, await memoryOf(restored, folder));
          expect(pagesNotZero, way).toBeGreaterThan(32 * 256);
          await expectHoldsBlocksOf(saved.memoryFile, restored, folder);
          await guests[kind].runsOn(restored, name);
        } finally {
          await restored.stop();
        }
      }
    },
    120_000,
  );
});
