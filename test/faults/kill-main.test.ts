import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  buildForNode,
  buildWorker,
  openTestServices,
  saveAndWait,
  saveOptions,
  type Built,
  type TestServices,
} from '../support/services';
import { makeTempDir, removeTempDir } from '../support/temp';
import { until } from '../support/until';

let worker: Built;
let program: Built;
let folder: string;
let services: TestServices | null = null;

beforeAll(async () => {
  [worker, program] = await Promise.all([buildWorker(), buildForNode('test/faults/support/saving-main.ts')]);
});
afterAll(() => Promise.all([worker.remove(), program.remove()]));
beforeEach(async () => {
  folder = await makeTempDir();
});
afterEach(async () => {
  await services?.end();
  services = null;
  await removeTempDir(folder);
});

/** Runs a Stillframe up to a step of its save and kills it there, as a crash or the kernel would. */
async function killAt(phase: string, step: string): Promise<void> {
  const child = spawn(process.execPath, [program.file, folder, worker.file, phase, step], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    ended.then(() => Promise.reject(new Error('it ended before it came to the step'))),
  ]);
  child.kill('SIGKILL');
  await ended;
}

describe('a Stillframe that is killed while it saves', () => {
  test.each([
    ['preparing', 'setting up QEMU'],
    ['writing', 'starting'],
    ['writing', 'writing'],
    ['writing', 'recording disks and memory map'],
    ['flushing', 'checking that every page has its bytes'],
    ['flushing', 'flushing the disk'],
    ['sealing', 'writing the manifest'],
    ['sealing', 'naming the snapshot'],
  ])('(%s: %s) leaves an interrupted save and a VM that the next one finds and can save', async (phase, step) => {
    await killAt(phase, step);
    services = await openTestServices({ folder, worker });
    const { entries } = await services.library.overview();
    expect(entries.map(({ state, machineName }) => [state.kind, machineName])).toEqual([
      ['interrupted', 'stillframe-demo'],
    ]);
    expect(entries[0]?.state).toMatchObject({ why: expect.stringMatching(/^The save the save, begun /) as string });

    const [machine] = await services.machines.list();
    expect(machine?.saving).toBeNull();
    expect(['running', 'stopped-after-save']).toContain(machine?.state);
    if (machine === undefined) throw new Error('the VM is not found again');
    // QEMU has the file open and goes on writing it by itself.
    const { saves } = services;
    await until('the migration nobody waits for has ended', async () => {
      const { blocked } = await saves.outlook(machine.id);
      return blocked === null || !blocked.what.startsWith('Another migration');
    });
    if ((await services.machines.get(machine.id)).state !== 'running')
      expect((await services.machines.resume(machine.id)).state).toBe('running');
    const again = await saveAndWait(services, saveOptions(machine.id, { name: 'the save' }));
    expect(again.outcome?.kind).toBe('saved');

    await services.library.moveToTrash(entries[0]?.id ?? ('' as never));
    expect((await services.library.overview()).entries.map(({ name }) => name)).toEqual(['the save']);
  });
});
