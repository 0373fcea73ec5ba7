import { StillframeError } from '@shared/contracts/failure';
import { execFile } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { OPTIONS_WITHOUT_VALUE } from '../../src-main/qemu/options';
import { connectQmp, type QmpConnection } from '../../src-main/qemu/qmp';
import { PlainQemu } from '../support/plain-qemu';
import { tempDirPerTest } from '../support/temp';

const folder = tempDirPerTest();
const vms: PlainQemu[] = [];
const connections: QmpConnection[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const connection of connections.splice(0)) connection.close();
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(vms.splice(0).map((vm) => vm.stop()));
});

/** A stopped VM with a QMP socket that nobody holds; the harness has one of its own. */
async function boot(...more: readonly string[]): Promise<{ readonly vm: PlainQemu; readonly path: string }> {
  const path = join(folder(), 'free.sock');
  const argv = ['-S', '-M', 'q35', '-m', '32', '-qmp', `unix:${path},server=on,wait=off`, ...more];
  const vm = await PlainQemu.start({ argv, folder: folder() });
  vms.push(vm);
  return { vm, path };
}

async function attach(path: string, options?: Parameters<typeof connectQmp>[1]): Promise<QmpConnection> {
  const connection = await connectQmp(path, options);
  connections.push(connection);
  return connection;
}

async function failureOf(work: Promise<unknown>) {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof StillframeError) return error.failure;
  throw new Error(`no StillframeError: ${String(error)}`);
}

describe('A QMP connection to QEMU', () => {
  test('knows its version and process, answers, refuses in QEMU’s words, and tells events', async () => {
    const { vm, path } = await boot();
    const qmp = await attach(path);
    const greeted = await vm.qmp<{ qemu: { major: number; minor: number; micro: number } }>('query-version');
    expect(qmp.version).toBe(
      Object.values({ a: greeted.qemu.major, b: greeted.qemu.minor, c: greeted.qemu.micro }).join('.'),
    );
    expect(qmp.pid).toBe(vm.pid);
    expect(await qmp.execute('query-status')).toEqual({ status: 'prelaunch', running: false });
    expect(await qmp.hmp('info version')).toContain(qmp.version);
    expect(await failureOf(qmp.execute('x-no-such'))).toMatchObject({
      code: 'qemu.refused',
      what: 'The command x-no-such has not been found',
    });
    const events: string[] = [];
    qmp.onEvent(({ event }) => events.push(event));
    await vm.qmp('cont');
    await vm.qmp('stop');
    await expect.poll(() => events).toEqual(['RESUME', 'STOP']);
  });

  test('answers 2 000 commands sent at once, each its own', async () => {
    const { path } = await boot();
    const qmp = await attach(path, { commandMs: 30_000 });
    const answers = await Promise.all(
      Array.from({ length: 2_000 }, (_, index) =>
        index % 2 === 0 ? qmp.execute('query-name') : qmp.execute('query-status'),
      ),
    );
    const right = answers.filter((answer, index) => JSON.stringify(answer).includes('prelaunch') === (index % 2 === 1));
    expect(right).toHaveLength(2_000);
  });

  test('hands over descriptors, many at once and between other commands, each to its own fdset', async () => {
    const { vm, path } = await boot('-vga', 'std');
    const qmp = await attach(path);
    const files = await Promise.all([1, 2, 3, 4, 5].map((n) => open(join(folder(), `${n}.ppm`), 'w')));
    try {
      await Promise.all(
        files.flatMap((file, index) => [
          qmp.execute('query-version'),
          qmp.execute('add-fd', { 'fdset-id': index + 1, opaque: `file ${index + 1}` }, { fds: [file.fd] }),
          qmp.hmp('info version'),
        ]),
      );
      const sets = await vm.qmp<{ 'fdset-id': number; fds: { opaque: string }[] }[]>('query-fdsets');
      expect(sets.map((set) => [set['fdset-id'], set.fds.map(({ opaque }) => opaque)]).sort()).toEqual(
        [1, 2, 3, 4, 5].map((n) => [n, [`file ${n}`]]),
      );
      // That it is the right file behind each number shows only when QEMU writes to it.
      await qmp.execute('screendump', { filename: '/dev/fdset/4' });
      expect((await readFile(join(folder(), '4.ppm'))).subarray(0, 2).toString()).toBe('P6');
      expect(await readFile(join(folder(), '3.ppm'))).toHaveLength(0);
    } finally {
      await Promise.all(files.map((file) => file.close()));
    }
  });

  test('rejects what is pending at once when QEMU is killed', async () => {
    const { vm, path } = await boot();
    const qmp = await attach(path);
    process.kill(vm.pid, 'SIGSTOP');
    const pending = ['query-status', 'query-version', 'query-name'].map((command) => failureOf(qmp.execute(command)));
    const begin = performance.now();
    process.kill(vm.pid, 'SIGKILL');
    expect((await Promise.all(pending)).map(({ code }) => code)).toEqual(['qemu.gone', 'qemu.gone', 'qemu.gone']);
    expect(performance.now() - begin).toBeLessThan(1_000);
    expect((await qmp.closed).message).toContain('ended');
    expect((await failureOf(qmp.execute('query-status'))).code).toBe('qemu.gone');
  });

  test('gives up a command on a QEMU that stands still, and goes on when it runs again', async () => {
    const { vm, path } = await boot();
    const qmp = await attach(path);
    process.kill(vm.pid, 'SIGSTOP');
    try {
      expect((await failureOf(qmp.execute('query-status', undefined, { timeoutMs: 100 }))).code).toBe('qemu.timeout');
    } finally {
      process.kill(vm.pid, 'SIGCONT');
    }
    expect(await qmp.execute('query-name')).toEqual({});
  });
});

describe('A QMP socket that another client holds', () => {
  test('is reported with that client’s name and pid, also when others queue before us, and is free again afterwards', async () => {
    const { path } = await boot();
    const first = await attach(path);
    for (let queued = 0; queued < 3; queued++) {
      const failure = await failureOf(connectQmp(path, { greetingMs: 100 }));
      expect(failure).toMatchObject({ code: 'qemu.monitor-busy', where: { path } });
      expect(failure.what).toContain(`pid ${process.pid}`);
      const waiting = connect(path);
      waiting.on('error', () => undefined);
      sockets.push(waiting);
      await new Promise((resolve) => waiting.once('connect', resolve).once('error', resolve));
    }
    first.close();
    for (const socket of sockets.splice(0)) socket.destroy();
    const second = await attach(path, { greetingMs: 10_000 });
    expect(await second.execute('query-status')).toMatchObject({ status: 'prelaunch' });
  });

  test('does not get its events or commands disturbed by those who try', async () => {
    const { vm, path } = await boot();
    const first = await attach(path);
    const events: string[] = [];
    first.onEvent(({ event }) => events.push(event));
    await Promise.all([1, 2, 3, 4].map(() => failureOf(connectQmp(path, { greetingMs: 50 }))));
    await vm.qmp('cont');
    await expect.poll(() => events).toEqual(['RESUME']);
    expect(await first.execute('query-status')).toEqual({ status: 'running', running: true });
  });
});

describe('Other sockets of QEMU', () => {
  test('its human monitor is told from QMP', async () => {
    const path = join(folder(), 'hmp.sock');
    await boot('-monitor', `unix:${path},server=on,wait=off`);
    expect(await failureOf(connectQmp(path))).toMatchObject({
      code: 'qemu.not-qmp',
      what: expect.stringContaining('human monitor') as string,
    });
  });

  test('its serial port is told from QMP', async () => {
    const path = join(folder(), 'serial.sock');
    await boot('-serial', `unix:${path},server=on,wait=off`);
    expect((await failureOf(connectQmp(path, { greetingMs: 200 }))).code).toBe('qemu.not-qmp');
  });
});

test('The options without a value are the ones that QEMU’s own help shows without', async () => {
  const { stdout } = await promisify(execFile)('qemu-system-x86_64', ['-help'], { maxBuffer: 4 * 1024 * 1024 });
  // `-S              freeze CPU at startup` against `-cpu cpu        select CPU`.
  const shown = [...stdout.matchAll(/^--?([\w-]+)(?=(.*)$)/gm)].map(([, name = '', rest = '']) => ({
    name,
    alone: rest === '' || rest.startsWith('  ') || rest.startsWith(' or -help'),
  }));
  expect(shown.length).toBeGreaterThan(150);
  const misaligned = ['dtb'];
  const wrong = shown.filter(
    ({ name, alone }) => !misaligned.includes(name) && alone !== OPTIONS_WITHOUT_VALUE.has(name),
  );
  expect(wrong).toEqual([]);
});
