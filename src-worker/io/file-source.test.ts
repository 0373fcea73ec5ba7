import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { byteCount, fileOffset } from '@shared/bytes/units';
import { tempDirPerTest } from '../../test/support/temp';
import { openPath } from './file-source';

const MIB = 1024 * 1024;
const folder = tempDirPerTest('sfs');

/** 4 MiB: data in the second MiB, holes around it, data in the last 10 bytes' page. */
async function sparseFile(): Promise<string> {
  const path = join(folder(), 'sparse');
  const file = await open(path, 'w');
  await file.write(Buffer.alloc(MIB, 1), 0, MIB, MIB);
  await file.write(Buffer.from('0123456789'), 0, 10, 4 * MIB - 10);
  await file.close();
  return path;
}

describe('a file as a source', () => {
  it('is read by offset, short only at its end', async () => {
    const source = await openPath(await sparseFile());
    try {
      const text = async (offset: number, length: number): Promise<string> =>
        Buffer.from(await source.read(fileOffset(offset), byteCount(length))).toString();
      expect(await source.size()).toBe(4 * MIB);
      expect(await text(4 * MIB - 10, 4)).toBe('0123');
      expect(await text(4 * MIB - 4, 100)).toBe('6789');
      expect(await text(4 * MIB, 1)).toBe('');
      expect(await text(2 ** 50, 1)).toBe('');
    } finally {
      await source.close();
    }
  });

  it('tells its extents, each from the offset asked for to where it ends', async () => {
    const source = await openPath(await sparseFile());
    try {
      const found = [];
      for (let at = 0; at < 4 * MIB;) {
        const extent = await source.extentAt(fileOffset(at));
        if (extent === null) throw new Error(`no extent at ${at}`);
        found.push(`${extent.kind} ${extent.offset}`);
        at = extent.offset + extent.length;
      }
      expect(found).toEqual(['hole 0', `data ${MIB}`, `hole ${2 * MIB}`, `data ${4 * MIB - 4096}`]);
      expect(await source.extentAt(fileOffset(MIB + 5))).toEqual({ kind: 'data', offset: MIB + 5, length: MIB - 5 });
      expect(await source.extentAt(fileOffset(4 * MIB))).toBeNull();
      expect(await source.allocatedBytes()).toBe(MIB + 4096);
    } finally {
      await source.close();
    }
  });

  it('that is a hole to its end says so', async () => {
    const path = join(folder(), 'empty');
    const file = await open(path, 'w');
    await file.truncate(MIB);
    await file.close();
    const source = await openPath(path);
    try {
      expect(await source.extentAt(fileOffset(10))).toEqual({ kind: 'hole', offset: 10, length: MIB - 10 });
    } finally {
      await source.close();
    }
  });

  it('tells 10,000 extents in well under a second', async () => {
    const path = join(folder(), 'many');
    const file = await open(path, 'w');
    for (let index = 0; index < 5000; index++) await file.write(Buffer.of(1), 0, 1, index * 8192);
    await file.close();
    const source = await openPath(path);
    try {
      let count = 0;
      const before = performance.now();
      for (let at = 0; ; count++) {
        const extent = await source.extentAt(fileOffset(at));
        if (extent === null) break;
        at = extent.offset + extent.length;
      }
      expect(count).toBe(9999);
      expect(performance.now() - before).toBeLessThan(1000);
    } finally {
      await source.close();
    }
  });

  it.each([
    ['that is not there', 'missing', 'file.not-found'],
    ['that is a folder', 'dir', 'file.not-a-file'],
  ])('%s fails with its own code', async (_, name, code) => {
    const path = join(folder(), name);
    if (name === 'dir') await mkdir(path);
    const reading = openPath(path).then(async (source) => {
      try {
        return await source.read(fileOffset(0), byteCount(1));
      } finally {
        await source.close();
      }
    });
    await expect(reading).rejects.toMatchObject({ failure: { code, where: { path } } });
  });

  it('that was closed fails with a code, too', async () => {
    const source = await openPath(await sparseFile());
    await source.close();
    await expect(source.read(fileOffset(0), byteCount(1))).rejects.toMatchObject({ failure: { code: 'file.io' } });
    await expect(source.extentAt(fileOffset(0))).rejects.toMatchObject({ failure: { code: 'file.io' } });
  });
});
