import { describe, expect, it } from 'vitest';
import { MemorySource } from '@shared/bytes/memory-source';
import { buildStream } from '../../test/support/stream-builder';
import { readBitmapSlice } from './bitmap-slice';
import { openSnapshot } from './open';

/** 205 pages: 4 words, the last of them not full. */
const PAGES = 205;
const present = [0, 1, 5, 8, 63, 64, 100, 127, 128, 191, 192, 200, 204];

async function slice(order: 'little' | 'big', firstPage: number, pages: number, block = 'pc.ram'): Promise<number[]> {
  const bytes = buildStream({ order, blocks: [{ name: 'pc.ram', usedLength: PAGES * 4096, present }] });
  const source = new MemorySource(bytes);
  const bits = await readBitmapSlice(source, await openSnapshot(source), block, firstPage, pages);
  expect(bits.length).toBe(Math.ceil(pages / 8));
  return Array.from({ length: pages }, (_, at) => at).filter((at) => (((bits[at >> 3] ?? 0) >> (at & 7)) & 1) === 1);
}

describe.each(['little', 'big'] as const)('a slice of a %s-endian bitmap', (order) => {
  it.each([
    [0, PAGES],
    [0, 8],
    [8, 100],
    [56, 16],
    [64, 64],
    [120, 20],
    [192, 13],
    [200, 300],
    [208, 64],
    [4096, 64],
  ])('from page %i on, %i pages', async (first, pages) => {
    const wanted = present.filter((page) => page >= first && page < first + pages).map((page) => page - first);
    expect(await slice(order, first, pages)).toEqual(wanted);
  });
});

it('of a block that is not there is refused with its name', async () => {
  await expect(slice('little', 0, 8, 'pc.rom')).rejects.toMatchObject({
    failure: { code: 'format.bad-value', where: { field: 'bitmap of pc.rom' } },
  });
});
