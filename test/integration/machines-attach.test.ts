import { StillframeError, type Failure } from '@shared/contracts/failure';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { connectQmp } from '../../src-main/qemu/qmp';
import { machinesPerTest } from '../support/machine-places';
import { PlainQemu } from '../support/plain-qemu';
import { isAlive } from '../support/processes';
import { tempDirPerTest } from '../support/temp';
import { lookUntil } from '../support/look-until';

const folder = tempDirPerTest();
const { places, open } = machinesPerTest(folder);
const vms: PlainQemu[] = [];

afterEach(async () => {
  await Promise.all(vms.splice(0).map((vm) => vm.stop()));
});

const free = (): string => join(folder(), 'free.sock');

async function boot(...more: readonly string[]): Promise<PlainQemu> {
  const argv = ['-S', '-M', 'pc', '-m', '48', '-qmp', `unix:${free()},server=on,wait=off`, ...more];
  const vm = await PlainQemu.start({ argv, folder: folder() });
  vms.push(vm);
  return vm;
}

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const error: unknown = await work.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (error instanceof StillframeError) return error.failure;
  throw error;
}

describe('A VM that somebody else started', () => {
  test('is attached to with its name, process, facts, and what it takes to start it again', async () => {
    const vm = await boot('-name', 'web01', '-vga', 'std');
    const machines = await open();
    const attached = await machines.attach(free());
    expect(attached).toMatchObject({
      name: 'web01',
      origin: 'attached',
      state: 'paused',
      pid: vm.pid,
      qmp: free(),
      toolsQmp: null,
      trouble: null,
      facts: { accelerator: 'tcg', cpus: 1, memoryBytes: 48 * 1024 * 1024, hasDisplay: true, saveBlocked: null },
    });
    expect(attached.facts?.machineType).toMatch(/^pc-i440fx-/);
    expect(attached.recipe).toMatchObject({ name: 'web01', env: {}, cwd: process.cwd() });
    // Neither its start (-S) nor its monitors, which a second QEMU would take from it, are part of the recipe.
    expect(attached.recipe?.argv.join(' ')).toBe(
      '-accel tcg -display none -nodefaults -M pc -m 48 -name web01 -vga std',
    );
    expect((await machines.resume(attached.id)).state).toBe('running');
    expect(await vm.status()).toBe('running');
  });

  test('is one machine however often it is attached to, and by which of its sockets', async () => {
    const second = join(folder(), 'second.sock');
    await boot('-qmp', `unix:${second},server=on,wait=off`);
    const machines = await open();
    const { id } = await machines.attach(free());
    expect((await machines.attach(free())).id).toBe(id);
    expect((await machines.attach(second)).id).toBe(id);
    expect(await machines.list()).toHaveLength(1);
    // The second socket was let go of again.
    (await connectQmp(second)).close();
  });

  test('is the machine that Stillframe started, when it is one', async () => {
    const machines = await open();
    const { id } = await machines.add({ kind: 'demo', memoryMiB: 64, dirtyMiB: 1 });
    const { toolsQmp, qmp } = await machines.start(id);
    expect((await machines.attach(toolsQmp ?? '')).id).toBe(id);
    expect((await machines.attach(qmp ?? '')).id).toBe(id);
  });

  test('runs on when it is forgotten, with its socket free, and nothing is left of it', async () => {
    const vm = await boot();
    const machines = await open();
    const { id } = await machines.attach(free());
    await machines.forget(id);
    expect(await machines.list()).toEqual([]);
    expect(await vm.status()).toBe('prelaunch');
    (await connectQmp(free(), { greetingMs: 5_000 })).close();
    expect(await readdir(places().run)).toEqual([]);
    expect(await readdir(join(places().data, 'machines'))).toEqual([]);
  });

  test('runs on when Stillframe ends', async () => {
    const vm = await boot();
    const machines = await open();
    await machines.attach(free());
    await machines.dispose();
    expect(await vm.status()).toBe('prelaunch');
    expect(await readdir(places().run)).toEqual([]);
  });

  test('is powered off by quit', async () => {
    const vm = await boot();
    const machines = await open();
    const { id } = await machines.attach(free());
    expect(await machines.powerOff(id)).toMatchObject({ state: 'off', pid: null, qmp: null });
    expect(await isAlive(vm.pid)).toBe(false);
  });

  test('can be started again by Stillframe after it has ended, as a machine of its own', async () => {
    const vm = await boot('-name', 'web01');
    const machines = await open();
    const { id } = await machines.attach(free());
    await vm.stop();
    await lookUntil(
      () => machines.get(id),
      ({ state }) => state === 'off',
    );
    expect((await machines.get(id)).trouble?.code).toBe('qemu.gone');
    expect(await machines.start(id)).toMatchObject({
      id,
      origin: 'started',
      state: 'running',
      name: 'web01',
      trouble: null,
    });
    expect((await (await open()).list()).map((machine) => machine.name)).toEqual(['web01']);
  });

  test('whose socket is held is reported as such, with who holds it', async () => {
    await boot();
    const holder = await connectQmp(free());
    try {
      const machines = await open();
      const failure = await failureOf(machines.attach(free()));
      expect(failure).toMatchObject({ code: 'qemu.monitor-busy', where: { path: free() } });
      expect(failure.what).toContain(`pid ${process.pid}`);
      expect(await machines.list()).toEqual([]);
    } finally {
      holder.close();
    }
  });

  test.each([
    ['that does not exist', 'qemu.gone'],
    ['given as a folder', 'qemu.gone'],
  ])('by a socket %s is an error and no machine', async (what, code) => {
    const machines = await open();
    const path = what.includes('folder') ? folder() : free();
    expect((await failureOf(machines.attach(path))).code).toBe(code);
    expect(await machines.list()).toEqual([]);
  });
});
