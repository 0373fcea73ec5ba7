import { xxh3 } from '@node-rs/xxhash';
import { execFileSync } from 'node:child_process';
import { truncateSync } from 'node:fs';
import { open, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ChannelSetup, CopyExtent } from '@shared/contracts/channels';
import type { Lease } from '@shared/contracts/lease';
import { tempDirPerTest } from '../../test/support/temp';
import { createChannel } from './channel';

const MIB = 1024 * 1024;
const folder = tempDirPerTest('sf-c');

async function leaseOf(path: string): Promise<Lease> {
  const { dev, ino } = await stat(path, { bigint: true });
  return { path, dev: String(dev), ino: String(ino), name: path, streamOffset: null };
}

async function fileOf(name: string, bytes: Uint8Array): Promise<{ path: string; lease: Lease }> {
  const path = join(folder(), name);
  await writeFile(path, bytes);
  return { path, lease: await leaseOf(path) };
}

/** RAM of which each page is data as `holds` says. */
function ramOf(pages: number, pageSize: number, holds: (page: number) => boolean): Buffer {
  const ram = Buffer.alloc(pages * pageSize);
  for (let page = 0; page < pages; page++) {
    if (holds(page)) ram.writeUInt32LE(page + 1, page * pageSize + ((page * 52) % (pageSize - 4)));
  }
  return ram;
}

/** Flushed first: room for what is in the page cache is only made then. */
async function bytesOnDisk(path: string): Promise<number> {
  const handle = await open(path, 'r+');
  try {
    await handle.datasync();
    return (await handle.stat()).blocks * 512;
  } finally {
    await handle.close();
  }
}

const bitOf = (bits: Uint8Array, at: number): boolean => (((bits[at >> 3] ?? 0) >> (at & 7)) & 1) === 1;

function bitsOf(count: number, isSet: (at: number) => boolean): Uint8Array {
  const bits = new Uint8Array(Math.ceil(count / 8));
  for (let at = 0; at < count; at++) if (isSet(at)) bits[at >> 3] = (bits[at >> 3] ?? 0) | (1 << (at & 7));
  return bits;
}

const setup = (ram: Lease, file: Lease, change: Partial<ChannelSetup> = {}): ChannelSetup => ({
  direction: 'save',
  ram: [ram],
  file,
  pageSize: 4096,
  directIo: true,
  digests: true,
  writeBack: 'none',
  ...change,
});

const patterns: [string, (page: number) => boolean][] = [
  ['all zero', () => false],
  ['all data', () => true],
  ['every second page', (page) => page % 2 === 0],
  ['every 20th page', (page) => page % 20 === 7],
  ['stretches', (page) => (page / 100) % 2 < 1],
  ['a page here and there', (page) => page === 0 || page === 71 || page === 639],
];

describe.each([1024, 4096, 65536])('pages of %i bytes', (pageSize) => {
  describe.each([true, false])('direct I/O %s', (directIo) => {
    it.each(patterns)('%s: saved, then loaded into other RAM, with digests', async (_, holds) => {
      const pages = pageSize > 4096 ? 72 : 640;
      const ram = ramOf(pages, pageSize, holds);
      const source = await fileOf('ram', ram);
      const target = await fileOf('mapped', Buffer.alloc(0));
      const channel = createChannel();
      const opened = await channel.openChannel(
        setup(source.lease, target.lease, { pageSize, directIo, writeBack: 'ranged' }),
      );
      expect(opened.directIo).toBe(directIo);
      const extents: CopyExtent[] = [];
      for (let at = 0; at < ram.length; at += 2 * MIB) {
        const length = Math.min(2 * MIB, ram.length - at);
        extents.push({ ram: 0, ramOffset: at, fileOffset: MIB + at, length });
      }
      const report = await channel.copyExtents(extents);
      await channel.closeChannel();

      const file = await readFile(target.path);
      let present = 0;
      extents.forEach(({ ramOffset, length }, index) => {
        const saved = report.saved[index];
        if (saved === undefined) throw new Error('an extent without a report');
        for (let page = 0; page < length / pageSize; page++) {
          const at = ramOffset + page * pageSize;
          const held = holds(at / pageSize);
          expect(bitOf(saved.present, page)).toBe(held);
          const bytes = file.subarray(MIB + at, MIB + at + pageSize);
          // What lies behind the last page is not in the file.
          expect(bytes.equals(ram.subarray(at, at + bytes.length))).toBe(true);
          if (held) present++;
        }
        const digests = Buffer.from(saved.digests);
        for (let at = 0; at < length; at += MIB) {
          const unit = ram.subarray(ramOffset + at, ramOffset + Math.min(length, at + MIB));
          expect(digests.readBigUInt64LE((at / MIB) * 8)).toBe(xxh3.xxh64(unit));
        }
      });
      expect(report.pages).toBe(present);
      expect(report.bytes).toBe(present * pageSize);
      // Room for the blocks of present pages and no other; the file system's own notes on 640 stretches are a few KiB.
      const blocks = new Set(
        Array.from({ length: pages }, (_unused, page) => page)
          .filter(holds)
          .flatMap((page) =>
            pageSize <= 4096
              ? [Math.floor((page * pageSize) / 4096)]
              : Array.from({ length: pageSize / 4096 }, (_block, at) => (page * pageSize) / 4096 + at),
          ),
      );
      expect(await bytesOnDisk(target.path)).toBeLessThanOrEqual(blocks.size * 4096 + 32 * 1024);

      const fresh = await fileOf('fresh', Buffer.alloc(ram.length));
      const loader = createChannel();
      await loader.openChannel(setup(fresh.lease, target.lease, { direction: 'load', pageSize, directIo }));
      await loader.copyExtents(
        extents.map((extent, index) => ({ ...extent, mask: report.saved[index]?.present ?? new Uint8Array(0) })),
      );
      await loader.closeChannel();
      expect((await readFile(fresh.path)).equals(ram)).toBe(true);
    });
  });
});

describe('a mask', () => {
  it('of a save: only its pages are written, and those that are zero now are told', async () => {
    const ram = ramOf(256, 4096, (page) => page % 3 === 0);
    const source = await fileOf('ram', ram);
    const old = Buffer.alloc(MIB, 0xee);
    const target = await fileOf('mapped', old);
    const inMask = (page: number): boolean => page % 5 < 2;
    const channel = createChannel();
    await channel.openChannel(setup(source.lease, target.lease));
    const mask = bitsOf(256, inMask);
    const { saved } = await channel.copyExtents([{ ram: 0, ramOffset: 0, fileOffset: 0, length: MIB, mask }]);
    await channel.closeChannel();
    const file = await readFile(target.path);
    expect(saved[0]?.digests.length).toBe(0);
    for (let page = 0; page < 256; page++) {
      const bytes = file.subarray(page * 4096, (page + 1) * 4096);
      const written = inMask(page) && page % 3 === 0;
      expect(bitOf(saved[0]?.present ?? mask, page)).toBe(inMask(page) && page % 3 === 0);
      expect(bytes.equals((written ? ram : old).subarray(page * 4096, (page + 1) * 4096))).toBe(true);
    }
  });

  it('of a load: no other byte of the RAM is touched', async () => {
    const file = await fileOf('mapped', Buffer.alloc(2 * MIB, 0x11));
    const fresh = await fileOf('fresh', Buffer.alloc(2 * MIB, 0xee));
    const inMask = (page: number): boolean => page % 7 === 3 || page > 500;
    const channel = createChannel();
    await channel.openChannel(setup(fresh.lease, file.lease, { direction: 'load' }));
    const mask = bitsOf(512, inMask);
    const report = await channel.copyExtents([{ ram: 0, ramOffset: 0, fileOffset: 0, length: 2 * MIB, mask }]);
    await channel.closeChannel();
    const bytes = await readFile(fresh.path);
    for (let page = 0; page < 512; page++) expect(bytes[page * 4096 + 5]).toBe(inMask(page) ? 0x11 : 0xee);
    expect(report.saved).toEqual([]);
    expect(report.bytes).toBe(report.pages * 4096);
  });
});

describe('a channel', () => {
  it('copies to and from places that are no whole blocks', async () => {
    const ram = ramOf(512, 1024, (page) => page % 9 < 7);
    const source = await fileOf('ram', ram);
    const target = await fileOf('mapped', Buffer.alloc(0));
    const fresh = await fileOf('fresh', Buffer.alloc(ram.length));
    const channel = createChannel();
    await channel.openChannel(setup(source.lease, target.lease, { pageSize: 1024 }));
    const extent: CopyExtent = { ram: 0, ramOffset: 0, fileOffset: 3 * 1024, length: ram.length };
    const { saved } = await channel.copyExtents([extent]);
    await channel.openChannel(setup(fresh.lease, target.lease, { pageSize: 1024, direction: 'load' }));
    await channel.copyExtents([{ ...extent, mask: saved[0]?.present ?? new Uint8Array(0) }]);
    await channel.closeChannel();
    expect((await readFile(fresh.path)).equals(ram)).toBe(true);
  });

  it('is opened whole or not at all, and closes what it had open', async () => {
    const { lease } = await fileOf('ram', Buffer.alloc(MIB));
    const target = await fileOf('mapped', Buffer.alloc(0));
    const pipe = join(folder(), 'pipe');
    execFileSync('mkfifo', [pipe]);
    const channel = createChannel();
    const openFds = async (): Promise<number> => (await readdir('/proc/self/fd')).length;
    const before = await openFds();
    for (const [ram, file, change] of [
      [lease, await leaseOf(pipe), {}],
      [await leaseOf(pipe), target.lease, {}],
      [lease, target.lease, { direction: 'load', ram: [lease, await leaseOf(pipe)] }],
    ] as const) {
      await expect(channel.openChannel(setup(ram, file, change))).rejects.toMatchObject({
        failure: { code: 'channel.not-seekable', where: { path: pipe } },
      });
      expect(await openFds()).toBe(before);
    }
    await expect(channel.openChannel(setup(lease, target.lease, { pageSize: 3000 }))).rejects.toMatchObject({
      failure: { code: 'worker.refused' },
    });
    for (let round = 0; round < 3; round++) await channel.openChannel(setup(lease, target.lease));
    expect(await openFds()).toBe(before + 3);
    await channel.closeChannel();
    await channel.closeChannel();
    expect(await openFds()).toBe(before);
    expect((await stat(target.path)).size).toBe(0);
  });

  it('refuses an extent that breaks its contract, before it copies anything of the batch', async () => {
    const source = await fileOf('ram', Buffer.alloc(MIB, 1));
    const target = await fileOf('mapped', Buffer.alloc(0));
    const channel = createChannel();
    const good: CopyExtent = { ram: 0, ramOffset: 0, fileOffset: 0, length: MIB };
    await expect(channel.copyExtents([good])).rejects.toMatchObject({ failure: { code: 'worker.refused' } });
    await channel.openChannel(setup(source.lease, target.lease));
    for (const bad of [
      { ram: 1 },
      { ramOffset: -4096 },
      { fileOffset: 2 ** 53 },
      { length: 4097 },
      { mask: new Uint8Array(31) },
    ]) {
      const batch = [good, { ...good, ...bad }];
      await expect(channel.copyExtents(batch)).rejects.toMatchObject({ failure: { code: 'worker.refused' } });
    }
    await channel.closeChannel();
    expect((await stat(target.path)).size).toBe(0);
  });

  it('answers a batch before it begins the next', async () => {
    const source = await fileOf('ram', Buffer.alloc(2 * MIB, 1));
    const target = await fileOf('mapped', Buffer.alloc(0));
    const channel = createChannel();
    await channel.openChannel(setup(source.lease, target.lease));
    const batch = (offset: number): Promise<unknown> =>
      channel.copyExtents([{ ram: 0, ramOffset: offset, fileOffset: offset, length: MIB }]);
    const first = batch(0).then(() => truncateSync(source.path, MIB));
    const second = batch(MIB);
    await first;
    await expect(second).rejects.toMatchObject({ failure: { code: 'file.io', where: { path: source.path } } });
    await channel.closeChannel();
  });

  it('says where it failed, and gives the same file when it is asked again', async () => {
    const ram = ramOf(512, 4096, () => true);
    const source = await fileOf('ram', ram.subarray(0, MIB));
    const target = await fileOf('mapped', Buffer.alloc(0));
    const channel = createChannel();
    await channel.openChannel(setup(source.lease, target.lease));
    const batch: CopyExtent[] = [{ ram: 0, ramOffset: 0, fileOffset: MIB, length: 2 * MIB }];
    await expect(channel.copyExtents(batch)).rejects.toMatchObject({
      failure: { code: 'file.io', where: { path: source.path, offset: MIB } },
    });
    const handle = await open(source.path, 'r+');
    await handle.write(ram, MIB, MIB, MIB);
    await handle.close();
    await channel.copyExtents(batch);
    await channel.copyExtents(batch);
    await channel.closeChannel();
    expect((await readFile(target.path)).subarray(MIB).equals(ram)).toBe(true);
  });
});
