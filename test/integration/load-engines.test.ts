/** Restores by every load engine, into QEMU 10 and into Debian 12's QEMU 7.2, judged page for page. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LoadEngine } from '../../src-shared/contracts/library';
import type { Machine, Recipe } from '../../src-shared/contracts/machines';
import type { SaveOptions, SaveResult } from '../../src-shared/contracts/saves';
import { Monitor } from '../support/guest-memory';
import { makeGuests, type Guests } from '../support/guests';
import { oldQemu } from '../support/old-qemu';
import { expectHoldsBlocksOf, expectSameMemory, keepMemory, memoryOf, type GuestMemory } from '../support/same-memory';
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
let folder = '';
let guests: Guests;
let services: TestServices;
let old = '';

beforeAll(async () => {
  worker = await buildWorker();
  folder = await makeTempDir();
  guests = await makeGuests(folder);
  ({ program: old } = await oldQemu());
  services = await openTestServices({ folder, worker });
}, 240_000);

afterAll(async () => {
  await services.end();
  await removeTempDir(folder);
  await worker.remove();
});

interface Saved {
  readonly name: string;
  readonly result: SaveResult;
  /** What the guest's memory was when it was saved. */
  readonly memory: GuestMemory;
}

type Kind = 'tight' | 'numa' | 'linux';

const recipeOf = (program: string, kind: Kind, name: string): Recipe => ({
  name,
  program,
  argv: guests[kind].argv(name),
  env: {},
  cwd: '/',
});

/** Starts the guest, saves it once in each way, and powers it off. */
async function saveEach(program: string, kind: Kind, ways: readonly Partial<SaveOptions>[]): Promise<readonly Saved[]> {
  const machine = await startMachine(services, { kind: 'recipe', recipe: recipeOf(program, kind, `guest-${kind}`) });
  const monitor = await Monitor.open(machine.toolsQmp ?? '');
  try {
    await guests[kind].up(monitor, machine.name);
    const all: Saved[] = [];
    for (const way of ways) {
      if (all.length > 0) await monitor.qmp('cont');
      const name = `${kind}-${way.engine ?? ''}-${way.mode ?? 'paused'}`;
      const options = saveOptions(machine.id, { ...way, name, mode: way.mode ?? 'paused', after: 'pause' });
      const { outcome } = await saveAndWait(services, options);
      if (outcome?.kind !== 'saved') throw new Error(JSON.stringify(outcome));
      expect(outcome.result).toMatchObject({ engine: way.engine, durable: true });
      all.push({ name, result: outcome.result, memory: await keepMemory(monitor, folder) });
    }
    return all;
  } finally {
    monitor.close();
    await services.machines.powerOff(machine.id);
    await services.machines.forget(machine.id);
  }
}

/** Restores it paused, judges its memory and its other blocks, lets it run, and ends it. */
async function expectRestored(kind: Kind, saved: Saved, engine: LoadEngine): Promise<void> {
  const entry = await services.library.resolve(saved.name);
  // No machine of the person's runs this program any more, so the check asks about it.
  const { findings } = await services.restores.preflightEntry(entry);
  const accepted = findings.filter(({ level }) => level === 'ask').map(({ key }) => key);
  expect(accepted.every((key) => key === 'qemu')).toBe(true);
  const options = { engine, then: 'pause', accepted } as const;
  const { machine, engine: used } = await services.restores.restoreEntry(entry, options);
  try {
    expect(used).toBe(engine);
    await judge(kind, saved, machine);
  } finally {
    await services.machines.powerOff(machine.id);
    await services.machines.forget(machine.id);
  }
}

async function judge(kind: Kind, saved: Saved, machine: Machine): Promise<void> {
  const monitor = await Monitor.open(machine.toolsQmp ?? '');
  try {
    const { pagesNotZero } = await expectSameMemory(saved.memory, await memoryOf(monitor, folder));
    expect(pagesNotZero).toBeGreaterThan(32 * 256);
    await expectHoldsBlocksOf(saved.result.memoryFile, monitor, folder);
    await guests[kind].runsOn(monitor, machine.name);
  } finally {
    monitor.close();
  }
}

async function remove(saved: readonly Saved[]): Promise<void> {
  for (const { result } of saved) await rm(join(result.memoryFile, '..'), { recursive: true });
}

describe.each<Kind>(['tight', 'numa', 'linux'])('the %s guest', (kind) => {
  test('saved by QEMU 10 natively, by channels and live through ingest comes back by every load engine', async () => {
    const all = await saveEach('qemu-system-x86_64', kind, [
      { engine: 'native' },
      { engine: 'channels' },
      // QEMU with TCG cannot save a live VM that has several NUMA nodes.
      ...(kind === 'numa' ? [] : [{ engine: 'ingest', mode: 'live', liveLimitSeconds: 2, directIo: false } as const]),
    ]);
    for (const saved of all)
      for (const engine of ['native', 'channels', 'emit'] as const) await expectRestored(kind, saved, engine);
    await remove(all);
  }, 240_000);

  test('saved by QEMU 7.2 through ingest and by channels comes back there by channels and by emit', async () => {
    const all = await saveEach(old, kind, [{ engine: 'ingest', directIo: false }, { engine: 'channels' }]);
    for (const saved of all)
      for (const engine of ['channels', 'emit'] as const) await expectRestored(kind, saved, engine);
    await remove(all);
  }, 240_000);
});

test('QEMU 7.2 with TCG is not saved live: its own stream would have old pages', async () => {
  const machine = await startMachine(services, { kind: 'recipe', recipe: recipeOf(old, 'tight', 'old-live') });
  try {
    await expect(services.saves.begin(saveOptions(machine.id, { mode: 'live' }))).rejects.toMatchObject({
      failure: { code: 'save.blocked', what: expect.stringMatching(/^QEMU 7\.2\.\d+ with TCG may miss/) as string },
    });
  } finally {
    await services.machines.powerOff(machine.id);
  }
});
