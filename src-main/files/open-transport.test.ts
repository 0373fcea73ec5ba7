import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { open, readFile, stat, unlink, writeFile, type FileHandle } from 'node:fs/promises';
import { createServer, connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { tempDirPerTest } from '../../test/support/temp';
import { createFileRegistry } from './registry';
import { openTransport, type FdSets } from './open-transport';
import { parseTransport } from './transport';

const { O_RDONLY, O_WRONLY, O_RDWR, O_DIRECT, O_CREAT } = constants;
const temp = tempDirPerTest('sf-t');
const files = createFileRegistry();
const handles: FileHandle[] = [];
afterEach(async () => {
  for (const handle of handles.splice(0)) await handle.close();
  expect(files.openCount()).toBe(0);
});

async function opened(path: string, flags: number | string): Promise<number> {
  const handle = await open(path, flags, 0o600);
  handles.push(handle);
  return handle.fd;
}

const openAs = (text: string, direction: 'save' | 'load', sets?: FdSets): ReturnType<typeof openTransport> =>
  openTransport(files, parseTransport(text), direction, sets);

describe('file:', () => {
  it('of a save is a new file of its owner, and its stream starts where it was said', async () => {
    for (const [text, start] of [
      [`file:${temp()}/a`, 0],
      [`file:${temp()}/b,offset=80M`, 80 * 1024 * 1024],
    ] as const) {
      const { lease, directMember, release } = await openAs(text, 'save');
      const path = text.slice('file:'.length).replace(/,.*/, '');
      const { mode, ino } = await stat(path, { bigint: true });
      expect([lease.name, lease.ino, lease.streamOffset, directMember]).toEqual([path, String(ino), start, null]);
      expect(mode & 0o777n).toBe(0o600n);
      await writeFile(lease.path, 'through the lease');
      expect(await readFile(path, 'utf8')).toBe('through the lease');
      await release();
    }
  });

  it('of a save is never a file that is there already', async () => {
    const path = join(temp(), 'mine');
    await writeFile(path, 'mine');
    await expect(openAs(`file:${path}`, 'save')).rejects.toMatchObject({
      failure: { code: 'file.exists', where: { path } },
    });
    expect(await readFile(path, 'utf8')).toBe('mine');
  });

  it('of a load is the file, and its stream is looked for unless it was said', async () => {
    const path = join(temp(), 'memory.mapped');
    await writeFile(path, 'x');
    for (const [text, start] of [
      [`file:${path}`, null],
      [`file:${path},offset=4K`, 4096],
    ] as const) {
      const { lease, release } = await openAs(text, 'load');
      expect(lease).toMatchObject({ name: path, streamOffset: start });
      await release();
    }
    await expect(openAs(`file:${path}.gone`, 'load')).rejects.toMatchObject({ failure: { code: 'file.not-found' } });
  });
});

describe('fd:', () => {
  it('is the file behind it, also when that has no name', async () => {
    const path = join(temp(), 'f');
    const fd = await opened(path, O_CREAT | O_RDWR);
    await unlink(path);
    const { lease, release } = await openAs(`fd:${fd}`, 'save');
    expect(lease).toMatchObject({ name: `fd:${fd}`, streamOffset: 0 });
    await writeFile(lease.path, 'by its number');
    const handle = await open(lease.path);
    expect(await handle.readFile('utf8')).toBe('by its number');
    await handle.close();
    await release();
    await expect(openAs(`fd:${fd}`, 'save')).rejects.toMatchObject({ failure: { code: 'file.exists' } });
    const load = await openAs(`fd:${fd}`, 'load');
    expect(load.lease.streamOffset).toBeNull();
    await load.release();
  });

  it('of a pipe or a socket is refused with the reason, and nothing comes out of its other end', async () => {
    const pipe = join(temp(), 'pipe');
    await promisify(execFile)('mkfifo', [pipe]);
    const pipeFd = await opened(pipe, O_RDWR);
    const path = join(temp(), 'sock');
    let received = 0;
    const server = createServer((peer) => peer.on('data', ({ length }) => (received += length)));
    await new Promise<void>((done) => server.listen(path, done));
    const socket = connect(path);
    await new Promise((done) => socket.once('connect', done));
    const socketFd = (socket as unknown as { _handle: { fd: number } })._handle.fd;
    try {
      for (const [fd, kind] of [
        [pipeFd, 'a pipe'],
        [socketFd, 'a socket'],
      ] as const) {
        for (const direction of ['save', 'load'] as const) {
          await expect(openAs(`fd:${fd}`, direction)).rejects.toMatchObject({
            failure: {
              code: 'channel.not-seekable',
              what: `it is ${kind}, and mapped-ram writes and reads pages by their place in a file`,
              where: { field: `fd:${fd}` },
            },
          });
        }
      }
      expect(received).toBe(0);
    } finally {
      socket.destroy();
      server.close();
    }
  });

  it('that is not open is said', async () => {
    await expect(openAs('fd:999999', 'save')).rejects.toMatchObject({
      failure: { code: 'usage', what: 'this descriptor is not open', where: { path: 'fd:999999' } },
    });
  });
});

describe('/dev/fdset/', () => {
  const modes = [
    ['save', O_WRONLY],
    ['load', O_RDONLY],
  ] as const;

  it.each(modes)('of a %s is one descriptor, or a pair with and without O_DIRECT', async (direction, access) => {
    const path = join(temp(), 'f');
    await writeFile(path, '');
    const buffered = await opened(path, access);
    const direct = await opened(path, access | O_DIRECT);
    for (const [members, hasDirect] of [
      [[buffered], false],
      [[buffered, direct], true],
      [[direct, buffered], true],
    ] as const) {
      const { lease, directMember, release } = await openAs('/dev/fdset/5,offset=1M', direction, () => members);
      expect(lease).toMatchObject({ name: '/dev/fdset/5', streamOffset: 1024 * 1024 });
      expect(lease.ino).toBe(String((await stat(path, { bigint: true })).ino));
      expect(directMember).toBe(hasDirect);
      await release();
    }
  });

  it.each(modes)('of a %s with members that QEMU would not take is refused', async (direction, access) => {
    const path = join(temp(), 'f');
    await writeFile(path, '');
    await writeFile(`${path}2`, '');
    const good = await opened(path, access);
    const direct = await opened(path, access | O_DIRECT);
    const both = await opened(path, O_RDWR);
    const opposite = await opened(path, direction === 'save' ? O_RDONLY : O_WRONLY);
    const other = await opened(`${path}2`, access | O_DIRECT);
    const counted = (text: string): string => `it has ${text} descriptors`;
    for (const [members, what] of [
      [[], counted('0 buffered and 0 direct')],
      [[direct], counted('0 buffered and 1 direct')],
      [[good, good], counted('2 buffered and 0 direct')],
      [[good, direct, direct], counted('1 buffered and 2 direct')],
      [[both], 'a descriptor in it has another access mode'],
      [[opposite, direct], 'a descriptor in it has another access mode'],
      [[good, other], 'its descriptors are of two files'],
      [[999_999], 'this descriptor is not open'],
    ] as const) {
      await expect(openAs('file:/dev/fdset/5', direction, () => members)).rejects.toMatchObject({
        failure: { code: 'usage', what, where: { path: '/dev/fdset/5' } },
      });
    }
    await expect(openAs('file:/dev/fdset/5', direction)).rejects.toMatchObject({
      failure: { code: 'usage', what: 'there is no such set of descriptors' },
    });
  });
});
