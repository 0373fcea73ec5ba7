import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { byteCount, fileOffset } from '@shared/bytes/units';
import { leaseOf } from '../../test/support/transfers';
import { tempDirPerTest } from '../../test/support/temp';
import { openFileChannel } from '../io/file-channel';
import { PageBits } from './page-bits';

const folder = tempDirPerTest('sfp');

/** The bits of a bitmap of `pages` pages at offset 4096 of a sparse file; `set` are its set bits. */
async function bitsOf(
  pages: number,
  set: readonly number[],
  order: 'little' | 'big',
): Promise<{ bits: PageBits; close: () => void }> {
  const path = join(folder(), 'bitmap');
  const length = Math.ceil(pages / 64) * 8;
  const file = await open(path, 'w+');
  await file.truncate(4096 + length);
  const bytes = new Map<number, number>();
  for (const page of set) {
    const byte = Math.floor(page / 8);
    bytes.set(byte, (bytes.get(byte) ?? 0) + 2 ** (page % 8));
  }
  for (const [byte, value] of bytes) {
    const at = order === 'little' ? byte : byte - (byte % 8) + 7 - (byte % 8);
    await file.write(Buffer.of(value), 0, 1, 4096 + at);
  }
  await file.close();
  const channel = openFileChannel(await leaseOf(path), { access: 'read', direct: false });
  const place = { offset: fileOffset(4096), length: byteCount(length), pages };
  return { bits: new PageBits(channel, place, order), close: () => channel.close() };
}

describe.each(['little', 'big'] as const)('pages of a bitmap of a %s-endian host', (order) => {
  it('are told one by one, by runs and by eights, over windows and holes', async () => {
    const pages = 5_000_003;
    const set = [0, 1, 2, 7, 63, 64, 4095, 100_000, 2_097_151, 2_097_152, 2_097_153, 4_194_303, 5_000_001, 5_000_002];
    const { bits, close } = await bitsOf(pages, [...set, 5_000_005], order);
    try {
      for (const page of set)
        expect([page, bits.has(page), bits.has(page + 3)]).toEqual([page, true, set.includes(page + 3)]);
      const found: number[] = [];
      for (let at = bits.next(0, pages, true); at < pages; at = bits.next(at + 1, pages, true)) found.push(at);
      // Bits past the last page mean nothing.
      expect(found).toEqual(set);
      expect(bits.next(0, pages, false)).toBe(3);
      expect(bits.next(2_097_151, pages, false)).toBe(2_097_154);
      expect(bits.next(100_001, 100_001, true)).toBe(100_001);
      expect(bits.next(100_001, 200_000, true)).toBe(200_000);
      expect([bits.eightAt(0), bits.eightAt(56), bits.eightAt(64), bits.eightAt(5_000_000)]).toEqual([
        0x87, 0x80, 1, 6,
      ]);
      expect(bits.eightAt(6_000_000)).toBe(0);
    } finally {
      close();
    }
  });
});

it('a bitmap of 8 TiB in a hole is stepped over, not read', async () => {
  const pages = 2 ** 45;
  const { bits, close } = await bitsOf(pages, [5, 2 ** 40 + 3, pages - 1], 'little');
  try {
    const began = performance.now();
    expect(bits.next(6, pages, true)).toBe(2 ** 40 + 3);
    expect(bits.next(2 ** 40 + 4, pages, true)).toBe(pages - 1);
    expect(performance.now() - began).toBeLessThan(1000);
  } finally {
    close();
  }
});
