import { spawn, type ChildProcess } from 'node:child_process';
import { chmod, copyFile, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { findForeign } from '../../src-main/machines/foreign';
import { PlainQemu } from '../support/plain-qemu';
import { machinesPerTest } from '../support/machine-places';
import { endProcess } from '../support/processes';
import { tempDirPerTest } from '../support/temp';

const MIB = 1024 * 1024;
const folder = tempDirPerTest();
const { open } = machinesPerTest(folder);
const vms: PlainQemu[] = [];
const others: ChildProcess[] = [];

afterEach(async () => {
  await Promise.all(vms.splice(0).map((vm) => vm.stop()));
  await Promise.all(others.splice(0).map(async ({ pid }) => (pid === undefined ? undefined : endProcess(pid, 0))));
});

async function boot(...argv: readonly string[]): Promise<PlainQemu> {
  const vm = await PlainQemu.start({ argv: ['-S', '-M', 'q35', '-m', '48', ...argv], folder: folder() });
  vms.push(vm);
  return vm;
}

const socket = (name: string): string => join(folder(), name);
const monitor = (name: string): readonly string[] => ['-qmp', `unix:${socket(name)},server=on,wait=off`];

async function find(pid: number | undefined) {
  return (await findForeign(() => false)).find((qemu) => qemu.pid === pid);
}

/** A program that only looks like QEMU from outside: it sleeps under whatever arguments it is given. */
async function sleeper(argv0: string, argv: readonly string[]): Promise<ChildProcess> {
  const child = spawn('/bin/bash', ['-c', 'exec -a "$0" /bin/cat -- - "$@"', argv0, ...argv], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  others.push(child);
  await new Promise((resolve) => child.once('spawn', resolve));
  return child;
}

describe('A QEMU that Stillframe did not start', () => {
  test('with a free QMP socket is described and can be attached to', async () => {
    const vm = await boot('-name', 'guest=web01,debug-threads=on', ...monitor('free.sock'));
    // The harness holds the first socket; the second one is free.
    expect(await find(vm.pid)).toEqual({
      pid: vm.pid,
      name: 'web01',
      program: 'qemu-system-x86_64',
      memoryBytes: 48 * MIB,
      accelerator: 'tcg',
      qemuVersion: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string,
      keeper: 'nobody',
      qmp: socket('free.sock'),
      verdict: expect.stringMatching(/^QEMU [\d.]+ QMP socket free\. Live save to mapped-ram is possible\.$/) as string,
      attachable: true,
    });
  });

  test('with all its sockets held names who holds them, and looking disturbs nobody', async () => {
    const vm = await boot();
    const found = await find(vm.pid);
    expect(found).toMatchObject({ attachable: false, qmp: null, name: `pid ${vm.pid}` });
    expect(found?.verdict).toContain(`held by another client (`);
    expect(found?.verdict).toContain(`pid ${process.pid})`);
    expect(await vm.status()).toBe('prelaunch');
  });

  test('whose socket is only being waited for counts as held, not as free', async () => {
    const vm = await boot();
    const path = /unix:([^,]+)/.exec((await commandLine(vm.pid)).join(' '))?.[1] ?? '';
    const waiting = connect(path);
    try {
      await new Promise((resolve) => waiting.once('connect', resolve));
      expect((await find(vm.pid))?.attachable).toBe(false);
    } finally {
      waiting.destroy();
    }
  });

  test('with a relative socket path is reached from its own folder', async () => {
    const child = spawn(
      'qemu-system-x86_64',
      ['-S', '-M', 'none', '-display', 'none', '-qmp', 'unix:rel.sock,server=on,wait=off'],
      { cwd: folder(), stdio: 'ignore' },
    );
    others.push(child);
    await expect.poll(async () => (await find(child.pid))?.qmp, { timeout: 10_000 }).toBe(socket('rel.sock'));
    const client = connect(socket('rel.sock'));
    try {
      await new Promise((resolve) => client.once('data', resolve));
      expect((await find(child.pid))?.verdict).toContain(`pid ${process.pid}`);
    } finally {
      client.destroy();
    }
  });

  test.each([
    [
      'a chardev and a mon',
      (path: string) => ['-chardev', `socket,id=m,path=${path},server=on,wait=off`, '-mon', 'chardev=m,mode=control'],
      true,
      'QMP socket free',
    ],
    [
      'a human monitor only',
      (path: string) => ['-monitor', `unix:${path},server=on,wait=off`],
      false,
      'held by another',
    ],
  ])('with %s', async (_name, argv, attachable, says) => {
    const vm = await boot(...argv(socket('m.sock')));
    expect(await find(vm.pid)).toMatchObject({ attachable, verdict: expect.stringContaining(says) as string });
  });

  test('of libvirt is shown as libvirt’s, with virsh save as the way', async () => {
    const vm = await boot(
      ...['-name', 'guest=deb 13,debug-threads=on'],
      ...['-chardev', `socket,id=charmonitor,path=${socket('monitor.sock')},server=on,wait=off`],
      ...['-mon', 'chardev=charmonitor,id=monitor,mode=control'],
    );
    expect(await find(vm.pid)).toMatchObject({
      name: 'deb 13',
      keeper: 'libvirt',
      qmp: null,
      attachable: false,
      verdict: expect.stringContaining("virsh save 'deb 13' FILE") as string,
    });
  });

  test('is left out when Stillframe started it or is attached to it', async () => {
    const machines = await open();
    const vm = await boot(...monitor('free.sock'));
    const { id } = await machines.add({ kind: 'demo', memoryMiB: 64, dirtyMiB: 1 });
    const started = await machines.start(id);
    const pids = async () => (await machines.foreign()).map(({ pid }) => pid);
    expect(await pids()).toContain(vm.pid);
    expect(await pids()).not.toContain(started.pid);
    const attached = await machines.attach(socket('free.sock'));
    expect(await pids()).not.toContain(vm.pid);
    await machines.forget(attached.id);
    expect(await pids()).toContain(vm.pid);
  });
});

describe('Hostile text in /proc', () => {
  test('of a process that calls itself QEMU does no harm', async () => {
    const names = ['\u001b[31mred\u0007\u202eevil', 'x'.repeat(5_000), ',,,=,=,', '-name', '%s%n', '$(reboot)'];
    const children = await Promise.all(
      names.map((name) =>
        sleeper('qemu-system-x86_64', [
          '-name',
          `guest=${name}`,
          '-m',
          '9'.repeat(400),
          '-qmp',
          `unix:${'/a'.repeat(4_000)},server=on`,
        ]),
      ),
    );
    await expect
      .poll(async () => (await Promise.all(children.map(({ pid }) => find(pid)))).filter(Boolean).length)
      .toBe(names.length);
    for (const { pid } of children) {
      const found = await find(pid);
      expect(found).toMatchObject({ attachable: false, memoryBytes: null, qemuVersion: null, qmp: null });
      expect(found?.name).not.toMatch(/\p{C}/u);
      expect((found?.name.length ?? 0) + (found?.verdict.length ?? 0)).toBeLessThan(500);
    }
  });

  test.each([
    ['short enough to be read whole is listed', 1, 'cat'],
    ['too long to be read whole is left out, quickly', 12, undefined],
  ])('that is %s', async (_, count, program) => {
    const words = Array.from({ length: count }, (__, index) => `${index}`.repeat(60_000));
    const child = await sleeper('qemu-system-x86_64', words);
    await expect.poll(async () => (await commandLine(child.pid ?? 0)).length).toBe(words.length + 4);
    const begin = performance.now();
    expect((await find(child.pid))?.program).toBe(program);
    expect(performance.now() - begin).toBeLessThan(5_000);
  });

  test('of processes that come and go while it is read breaks nothing', async () => {
    let stop = false;
    const churn = (async () => {
      while (!stop) {
        const child = spawn('/bin/true', { stdio: 'ignore' });
        await new Promise((resolve) => child.once('exit', resolve));
      }
    })();
    try {
      for (let round = 0; round < 10; round++) expect(Array.isArray(await findForeign(() => false))).toBe(true);
    } finally {
      stop = true;
      await churn;
    }
  });

  test('never makes Stillframe run a program that others may write: its version stays unknown', async () => {
    const program = join(folder(), 'qemu-system-copy');
    await copyFile('/usr/bin/qemu-system-x86_64', program);
    for (const [mode, version] of [
      [0o755, expect.stringMatching(/^\d+\.\d+\.\d+$/) as string],
      [0o757, null],
    ] as const) {
      await chmod(program, mode);
      const child = spawn(program, ['-S', '-M', 'none', '-display', 'none'], { stdio: 'ignore' });
      others.push(child);
      await expect.poll(async () => (await find(child.pid))?.program).toBe('qemu-system-copy');
      // The answer of one mode is not taken for the other: the file's change time tells them apart.
      expect((await find(child.pid))?.qemuVersion).toEqual(version);
    }
  });
});

async function commandLine(pid: number): Promise<readonly string[]> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
}
