import { execFileSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { mkdtemp, open, rm, stat, type FileHandle } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { byteCount, fileOffset } from '@shared/bytes/units';
import type { Lease } from '@shared/contracts/lease';
import { tempDirPerTest } from '../../test/support/temp';
import { FaultyIo, type Faults } from './faulty-io.fixture';
import { openFileChannel, openFileIo } from './file-channel';
import { IoBuffer } from './io-buffer';
import { MemoryIo } from './memory-io.fixture';
import { openSeekable, type PositionalIo, type SeekableChannel } from './seekable';

const MIB = 1024 * 1024;
const folder = tempDirPerTest('sf-io');
const opened: SeekableChannel[] = [];
const handles: FileHandle[] = [];
const shmFolders: string[] = [];
afterEach(async () => {
  for (const channel of opened.splice(0)) channel.close();
  for (const handle of handles.splice(0)) await handle.close();
  for (const path of shmFolders.splice(0)) await rm(path, { recursive: true });
});

async function leaseOf(path: string): Promise<Lease> {
  const { dev, ino } = await stat(path, { bigint: true });
  return { path, dev: String(dev), ino: String(ino), name: path, streamOffset: null };
}

async function newFile(inFolder = folder()): Promise<Lease> {
  const path = join(inFolder, 'file');
  handles.push(await open(path, 'wx'));
  return leaseOf(path);
}

async function inShm(): Promise<string> {
  const path = await mkdtemp('/dev/shm/sf-io-');
  shmFolders.push(path);
  return path;
}

function keep(io: PositionalIo): SeekableChannel {
  const channel = openSeekable(io);
  opened.push(channel);
  return channel;
}

const RAGGED: Faults = { atMost: 5001, interruptEvery: 3, wouldBlockEvery: 50 };
const kinds: [string, () => Promise<PositionalIo>][] = [
  ['memory', () => Promise.resolve(new MemoryIo())],
  ['memory with short transfers and interruptions', () => Promise.resolve(new FaultyIo(new MemoryIo(), RAGGED))],
  ['a file', async () => openFileIo(await newFile(), { access: 'both', direct: false })],
  ['a file past the page cache', async () => openFileIo(await newFile(), { access: 'both', direct: true })],
  ['a file of tmpfs', async () => openFileIo(await newFile(await inShm()), { access: 'both', direct: true })],
  [
    'a file past the page cache with short transfers and interruptions',
    async () => new FaultyIo(openFileIo(await newFile(), { access: 'both', direct: true }), RAGGED),
  ],
];

describe.each(kinds)('%s', (kind, make) => {
  it('gives back what was written, at any offset and length, from memory that is aligned or not', async () => {
    const channel = keep(await make());
    const buffer = new IoBuffer(2 * MIB);
    const model = Buffer.alloc(2 * MIB);
    const place = (): number => (Math.random() < 0.5 ? randomInt(16) * 4096 : randomInt(MIB));
    for (let round = 0; round < 60; round++) {
      const offset = place();
      const at = Math.random() < 0.5 ? offset % 4096 : place();
      const length = Math.random() < 0.5 ? randomInt(1, 4) * 4096 : randomInt(1, 40_000);
      const bytes = randomBytes(length);
      buffer.bytes.set(bytes, at);
      channel.writev([buffer.bytes.subarray(at, at + length)], fileOffset(offset));
      bytes.copy(model, offset);
      buffer.bytes.fill(0, at, at + length);
      channel.readv([buffer.bytes.subarray(at, at + length)], fileOffset(offset));
      expect(Buffer.from(buffer.bytes.subarray(at, at + length)).equals(bytes)).toBe(true);
    }
    const { size } = channel;
    const whole = Buffer.alloc(size);
    channel.readv([whole], fileOffset(0));
    expect(whole.equals(model.subarray(0, size))).toBe(true);
  });

  it('scatters and gathers: views of any length, in their order', async () => {
    const channel = keep(await make());
    const buffer = new IoBuffer(2 * MIB);
    const bytes = randomBytes(300_000);
    for (const lengths of [[4096, 8192, 4096], [100, 0, 4096, 8192, 3], [300_000], Array<number>(1100).fill(50)]) {
      for (const offset of [1, 12_288]) {
        let at = 0;
        const views = lengths.map((length) => {
          const view = buffer.bytes.subarray(at, at + length);
          view.set(bytes.subarray(at, at + length));
          at += length;
          return view;
        });
        channel.writev(views, fileOffset(offset));
        const back = lengths.map((length) => Buffer.alloc(length));
        channel.readv(back, fileOffset(offset));
        expect(Buffer.concat(back).equals(bytes.subarray(0, at))).toBe(true);
      }
    }
  });

  it('does not read past its end: it says where that is and how much is missing', async () => {
    const channel = keep(await make());
    channel.writev([Buffer.from('0123456789')], fileOffset(0));
    expect(() => channel.readv([Buffer.alloc(4), Buffer.alloc(14)], fileOffset(4))).toThrow(
      expect.objectContaining({
        failure: expect.objectContaining({
          code: 'file.io',
          what: 'the file ends here, 12 bytes early',
          where: { path: channel.name, offset: 10 },
        }) as unknown,
      }),
    );
  });

  it('tells data from holes, makes room and makes holes', async () => {
    const channel = keep(await make());
    channel.resize(byteCount(4 * MIB));
    expect(channel.size).toBe(4 * MIB);
    channel.writev([new Uint8Array(MIB).fill(7)], fileOffset(MIB));
    const extents = (): string[] => {
      const found: string[] = [];
      for (let at = 0; ;) {
        const extent = channel.extentAt(fileOffset(at));
        if (extent === null) return found;
        found.push(`${extent.kind} ${extent.offset}`);
        at = extent.offset + extent.length;
      }
    };
    await channel.flush();
    expect(extents()).toEqual(['hole 0', `data ${MIB}`, `hole ${2 * MIB}`]);
    channel.punch(fileOffset(MIB + 65536), byteCount(65536));
    const hole = ['hole 0', `data ${MIB}`, `hole ${MIB + 65536}`, `data ${MIB + 131072}`, `hole ${2 * MIB}`];
    expect(extents()).toEqual(hole);
    const inHole = Buffer.alloc(65536, 1);
    channel.readv([inHole], fileOffset(MIB + 65536));
    expect(inHole.every((byte) => byte === 0)).toBe(true);
    // Not whole blocks: zeros where no block can go.
    channel.punch(fileOffset(MIB + 100), byteCount(5000));
    const around = Buffer.alloc(5200);
    channel.readv([around], fileOffset(MIB));
    expect([...around].every((byte, at) => byte === (at >= 100 && at < 5100 ? 0 : 7))).toBe(true);
    channel.allocate(fileOffset(4 * MIB), byteCount(MIB));
    expect(channel.size).toBe(5 * MIB);
    expect(channel.extentAt(fileOffset(5 * MIB))).toBeNull();
    if (kind !== 'a file of tmpfs') expect(extents()).toEqual(['hole 0', ...extents().slice(1, -1), `hole ${2 * MIB}`]);
  });
});

describe('faults', () => {
  it.each([1, 2, 3, 10])('a disk that is full at write %i says where, and what is before it is written', (nth) => {
    const memory = new MemoryIo();
    const channel = openSeekable(new FaultyIo(memory, { noSpaceAtWrite: nth, atMost: 4096 }));
    expect(() => channel.writev([new Uint8Array(65536).fill(1)], fileOffset(8192))).toThrow(
      expect.objectContaining({
        failure: expect.objectContaining({
          code: 'file.no-space',
          where: { path: 'memory', offset: 8192 + (nth - 1) * 4096 },
        }) as unknown,
      }),
    );
    expect(memory.size()).toBe(nth === 1 ? 0 : 8192 + (nth - 1) * 4096);
  });

  it.each([1, 2, 5])('an I/O error at call %i is passed on, with its place', (nth) => {
    const channel = openSeekable(new FaultyIo(new MemoryIo(), { ioErrorAtCall: nth, atMost: 1000 }));
    expect(() => channel.writev([new Uint8Array(10_000)], fileOffset(0))).toThrow(
      expect.objectContaining({
        failure: expect.objectContaining({
          code: 'file.io',
          where: { path: 'memory', offset: (nth - 1) * 1000 },
        }) as unknown,
      }),
    );
  });

  it('one that would always have to wait ends in a failure, not in a loop', () => {
    const channel = openSeekable(new FaultyIo(new MemoryIo(), { wouldBlockEvery: 1 }));
    expect(() => channel.writev([new Uint8Array(1)], fileOffset(0))).toThrow(/EAGAIN/);
  }, 60_000);

  it('where no hole can be made, zeros are written', () => {
    const channel = openSeekable(new FaultyIo(new MemoryIo(), { noHoles: true }));
    channel.writev([new Uint8Array(MIB).fill(9)], fileOffset(0));
    channel.punch(fileOffset(1000), byteCount(600_000));
    const bytes = Buffer.alloc(MIB);
    channel.readv([bytes], fileOffset(0));
    expect(bytes.every((byte, at) => byte === (at >= 1000 && at < 601_000 ? 0 : 9))).toBe(true);
    channel.punch(fileOffset(MIB - 10), byteCount(1000));
    expect(channel.size).toBe(MIB);
  });

  it('flushing is a thing of its own: it fails with a code, and closing does not flush', async () => {
    const memory = new MemoryIo();
    const channel = openSeekable(memory);
    channel.writev([new Uint8Array(1)], fileOffset(0));
    channel.close();
    expect(memory).toMatchObject({ closed: true, flushes: 0 });
    const failing = openSeekable(new FaultyIo(memory, { flushFails: true }));
    await expect(failing.flush()).rejects.toMatchObject({ failure: { code: 'file.io', doing: 'flushing memory' } });
  });
});

describe('what cannot be sought in', () => {
  it.each([
    ['pipe', 'it is a pipe'],
    ['socket', 'it is a socket'],
    ['null', 'it is a character device'],
  ])('a %s is refused with the reason, before anything is opened', async (kind, reason) => {
    const path = kind === 'null' ? '/dev/null' : join(folder(), kind);
    if (kind === 'pipe') execFileSync('mkfifo', [path]);
    const server = createServer();
    if (kind === 'socket') await new Promise<void>((done) => server.listen(path, done));
    try {
      const lease = await leaseOf(path);
      for (const access of ['read', 'write', 'both'] as const) {
        expect(() => openFileChannel(lease, { access, direct: true })).toThrow(
          expect.objectContaining({
            failure: expect.objectContaining({
              code: 'channel.not-seekable',
              what: `${reason}, and mapped-ram writes and reads pages by their place in a file`,
            }) as unknown,
          }),
        );
      }
    } finally {
      server.close();
    }
  });

  it('is closed by who asks it', () => {
    const memory = new MemoryIo();
    const tape = new FaultyIo(memory, { notSeekable: 'it is a tape' });
    expect(() => openSeekable(tape)).toThrow(/it is a tape/);
    expect(memory.closed).toBe(true);
  });

  it('a folder, or what is another file by now, is refused by its own code', async () => {
    const dir = await leaseOf(folder());
    expect(() => openFileChannel(dir, { access: 'read', direct: false })).toThrow(/it is a folder/);
    const lease = await newFile();
    const other = { ...lease, ino: '1' };
    expect(() => openFileChannel(other, { access: 'read', direct: true })).toThrow(
      expect.objectContaining({ failure: expect.objectContaining({ code: 'file.changed' }) as unknown }),
    );
  });
});

describe('the page cache', () => {
  it('is passed by for whole blocks, and edges through it meet them', async () => {
    const lease = await newFile();
    const channel = openFileChannel(lease, { access: 'both', direct: true });
    opened.push(channel);
    expect(channel.direct).toBe(true);
    const buffer = new IoBuffer(2 * MIB);
    randomBytes(MIB).copy(buffer.bytes);
    // A head and a tail of 1 KiB around whole blocks.
    const view = buffer.bytes.subarray(3072, 3072 + 65536 + 2048);
    channel.writev([view], fileOffset(3072));
    const cached = Number(/^\s*(\d+)/.exec(pagesCached(lease.path))?.[1] ?? NaN);
    expect(cached).toBeLessThanOrEqual(2);
    const back = Buffer.alloc(view.length);
    channel.readv([back], fileOffset(3072));
    expect(back.equals(view)).toBe(true);
  });
});

/** Pages of a file in the page cache, by util-linux. */
const pagesCached = (path: string): string =>
  execFileSync('fincore', ['--noheadings', '--output', 'PAGES', path], { encoding: 'utf8' });
