import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Lease } from '@shared/contracts/lease';
import { tempDirPerTest } from '../../test/support/temp';
import { ramFiles } from './ram-files';

const MIB = 1024 * 1024;
const folder = tempDirPerTest('sf-rf');

async function leaseOf(path: string): Promise<Lease> {
  const { dev, ino } = await stat(path, { bigint: true });
  return { path, dev: String(dev), ino: String(ino), name: path, streamOffset: null };
}

/** A file of `size` bytes with data in the given pages of 4 KiB. */
async function sparse(path: string, size: number, pages: readonly number[]): Promise<Lease> {
  const handle = await open(path, 'wx');
  await handle.truncate(size);
  for (const page of pages) await handle.write(randomBytes(4096), 0, 4096, page * 4096);
  await handle.close();
  return leaseOf(path);
}

describe('where a file has data', () => {
  it('is told in stretches, clipped to what was asked for', async () => {
    const lease = await sparse(join(folder(), 'f'), 4 * MIB, [0, 10, 11, 12, 100, 1023]);
    const all = [0, 4096, 10 * 4096, 13 * 4096, 100 * 4096, 101 * 4096, 1023 * 4096, 4 * MIB];
    expect(await ramFiles.dataIn(lease, 0, 4 * MIB, 100)).toEqual({ data: all, next: null });
    expect(await ramFiles.dataIn(lease, 11 * 4096, 90 * 4096, 100)).toEqual({
      data: [11 * 4096, 13 * 4096, 100 * 4096, 101 * 4096],
      next: null,
    });
    expect(await ramFiles.dataIn(lease, 4 * MIB, MIB, 100)).toEqual({ data: [], next: null });
    expect(await ramFiles.dataIn(lease, 0, 2 ** 50, 100)).toEqual({ data: all, next: null });
  });

  it('is told a few at a time, and goes on where it stopped', async () => {
    const pages = Array.from({ length: 50 }, (_, index) => index * 3 + 1);
    const lease = await sparse(join(folder(), 'f'), MIB, pages);
    const found: number[] = [];
    for (let at: number | null = 0; at !== null;) {
      const { data, next }: Awaited<ReturnType<typeof ramFiles.dataIn>> = await ramFiles.dataIn(lease, at, MIB - at, 7);
      expect(data.length).toBeLessThanOrEqual(14);
      found.push(...data);
      at = next;
    }
    expect(found).toEqual(pages.flatMap((page) => [page * 4096, (page + 1) * 4096]));
  });

  it('of memory that was never touched is nothing', async () => {
    const shm = await mkdtemp('/dev/shm/sf-rf-');
    try {
      const lease = await sparse(join(shm, 'ram'), 16 * MIB, [7]);
      expect(await ramFiles.dataIn(lease, 0, 16 * MIB, 100)).toEqual({ data: [7 * 4096, 8 * 4096], next: null });
    } finally {
      await rm(shm, { recursive: true });
    }
  });
});

describe('room in a file', () => {
  it('is made for the stretches alone, in a file as long as it will be', async () => {
    const path = join(folder(), 'f');
    await writeFile(path, '');
    const lease = await leaseOf(path);
    expect(await ramFiles.allocate(lease, 64 * MIB, [MIB, 3 * MIB, 10 * MIB, 11 * MIB])).toBe(true);
    const { size, blocks } = await stat(path);
    expect([size, blocks * 512]).toEqual([64 * MIB, 3 * MIB]);
  });

  it('is given back as holes, which read as zeros', async () => {
    const path = join(folder(), 'f');
    const bytes = randomBytes(2 * MIB);
    await writeFile(path, bytes);
    const lease = await leaseOf(path);
    await ramFiles.punch(lease, [0, 65536, MIB, MIB + 8192]);
    bytes.fill(0, 0, 65536).fill(0, MIB, MIB + 8192);
    expect((await readFile(path)).equals(bytes)).toBe(true);
    const handle = await open(path, 'r+');
    await handle.datasync();
    await handle.close();
    expect((await stat(path)).blocks * 512).toBe(2 * MIB - 65536 - 8192);
  });

  it('is kept by zeros', async () => {
    const path = join(folder(), 'f');
    const bytes = randomBytes(MIB);
    await writeFile(path, bytes);
    await ramFiles.zero(await leaseOf(path), [4096, 8192, 300_000, 900_000]);
    expect((await readFile(path)).equals(bytes.fill(0, 4096, 8192).fill(0, 300_000, 900_000))).toBe(true);
  });

  it('of a character device cannot be dealt with', async () => {
    const lease = await leaseOf('/dev/full');
    await expect(ramFiles.zero(lease, [0, 1])).rejects.toMatchObject({ failure: { code: 'channel.not-seekable' } });
  });
});
