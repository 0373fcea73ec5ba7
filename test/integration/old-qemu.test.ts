/** QEMU 7.2 by itself: what the tests of old QEMUs stand on. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { demoRecipe } from '../../src-main/machines/demo';
import { demoIsFull, expectDemoRunsOn, expectDemoWhole } from '../support/demo-guest';
import { oldQemu } from '../support/old-qemu';
import { PlainQemu } from '../support/plain-qemu';
import { expectHoldsBlocksOf, expectSameMemory, memoryOf } from '../support/same-memory';
import { tempDirPerTest } from '../support/temp';

const resources = resolve(import.meta.dirname, '../../resources');
const { argv } = demoRecipe({ resources, memoryMiB: 64, dirtyMiB: 60, dirtyMiBPerSecond: 0 });
const folder = tempDirPerTest();
let program = '';

beforeAll(async () => {
  ({ program } = await oldQemu());
}, 120_000);

async function withOldQemu<T>(more: readonly string[], use: (vm: PlainQemu) => Promise<T>): Promise<T> {
  const vm = await PlainQemu.start({ program, argv: [...argv, ...more], folder: folder() });
  try {
    return await use(vm);
  } finally {
    await vm.stop();
  }
}

test('it is QEMU 7.2 as Debian has it: no mapped-ram, no file:', async () => {
  await withOldQemu(['-S'], async (vm) => {
    const { qemu } = await vm.qmp<{ qemu: object }>('query-version');
    expect(qemu).toMatchObject({ major: 7, minor: 2 });
    await expect(vm.save(`file:${folder()}/x`)).rejects.toThrow('expects a valid migration protocol');
    await expect(vm.save('fd:x', { mappedRam: true })).rejects.toThrow('mapped-ram');
  });
});

/** Opens what QEMU is to write to; `ended` resolves when everything is in the file. */
interface Target {
  readonly fd: number;
  readonly ended: () => Promise<unknown>;
}

async function intoFile(path: string): Promise<Target> {
  const handle = await open(path, 'w');
  return { fd: handle.fd, ended: () => handle.close() };
}

async function intoPipe(path: string): Promise<Target> {
  const pipe = join(folder(), 'pipe');
  await promisify(execFile)('mkfifo', [pipe]);
  const out = await open(path, 'w');
  const cat = spawn('cat', [pipe], { stdio: ['ignore', out.fd, 'inherit'] });
  // Opened when cat has opened the other end.
  const handle = await open(pipe, 'w');
  return {
    fd: handle.fd,
    ended: async () => {
      const exited = once(cat, 'exit');
      await handle.close();
      expect(await exited).toEqual([0, null]);
      await out.close();
    },
  };
}

test.each([
  ['a file', intoFile],
  ['a pipe', intoPipe],
])('it saves to fd: on %s, loads that from fd: and the guest runs on with the same memory', async (_, openTarget) => {
  const file = join(folder(), 'saved');
  await withOldQemu([], async (source) => {
    await demoIsFull(source, folder());
    await source.qmp('stop');
    const target = await openTarget(file);
    await source.giveFd('target', target.fd);
    await source.save('fd:target');
    await target.ended();
    await withOldQemu(['-incoming', 'defer', '-S'], async (restored) => {
      const handle = await open(file, 'r');
      await restored.giveFd('source', handle.fd);
      await handle.close();
      await restored.load('fd:source');
      await expectSameMemory(await memoryOf(source, folder()), await memoryOf(restored, folder()));
      const blocks = await expectHoldsBlocksOf(file, restored, folder());
      expect(blocks.find(({ name }) => name === 'pc.ram')?.notZero).toBeGreaterThan(60 * 256);
      await expectDemoWhole(restored, folder());
      await restored.qmp('cont');
      await expectDemoRunsOn(restored, folder());
    });
  });
});
