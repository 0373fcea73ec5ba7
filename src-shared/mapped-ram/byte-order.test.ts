import { describe, expect, it } from 'vitest';
import { buildStream, type BuiltBlock } from '../../test/support/stream-builder';
import { MemorySource } from '../bytes/memory-source';
import { parseStream } from '../stream/parse';
import { findBitmapOrder, type OrderFinding } from './byte-order';

async function orderOf(
  blocks: readonly BuiltBlock[],
  order: 'little' | 'big',
  change?: (bytes: Uint8Array) => void,
): Promise<OrderFinding> {
  const bytes = buildStream({ blocks, order });
  change?.(bytes);
  const source = new MemorySource(bytes);
  const { ramBlocks, problems } = await parseStream(source);
  expect(problems).toEqual([]);
  return findBitmapOrder(source, bytes.length, ramBlocks);
}

const ram = (pages: number, present: readonly number[]): BuiltBlock => ({
  name: 'pc.ram',
  usedLength: pages * 4096,
  present,
});

describe.each(['little', 'big'] as const)('the byte order of bitmaps from a %s-endian host', (order) => {
  it('is told by bits past the last page', async () => {
    const found = await orderOf([ram(10, [0, 3])], order);
    expect(found).toMatchObject({ order, why: expect.stringContaining('past the last page of pc.ram') as string });
  });

  it('is told by one small block for all others', async () => {
    const rom = { name: 'rom', usedLength: 4096, present: [0] };
    expect((await orderOf([ram(128, [0, 64, 65]), rom], order)).order).toBe(order);
  });

  it('is told by content where every word is full of pages', async () => {
    expect((await orderOf([ram(128, [0, 1, 2, 77])], order)).order).toBe(order);
  });

  it('does not matter where every word reads the same both ways', async () => {
    const all = Array.from({ length: 64 }, (_, page) => page);
    expect((await orderOf([ram(128, all)], order)).order).toBe('either');
    expect((await orderOf([ram(128, [])], order)).order).toBe('either');
  });

  it('is unknown, not guessed, where nothing decides', async () => {
    const found = await orderOf([ram(64, [0])], order, (bytes) => bytes.fill(0, 4096, 4096 + 64 * 4096));
    expect(found.order).toBe('unknown');
  });

  it('is unknown where pages of both readings have content', async () => {
    const found = await orderOf([ram(64, [0])], order, (bytes) => bytes.fill(1, 4096, 4096 + 64 * 4096));
    expect(found.order).toBe('unknown');
  });
});

describe('bitmaps that contradict', () => {
  const two = [ram(10, [0]), { name: 'rom', usedLength: 8192, present: [0] }];
  const swapFirst = (bytes: Uint8Array): void => {
    const at = bytes.indexOf(1, 130);
    bytes.subarray(at, at + 8).reverse();
  };

  it('each other make the order unknown, and the finding names both', async () => {
    const found = await orderOf(two, 'little', swapFirst);
    expect(found.order).toBe('unknown');
    expect(found.why).toMatch(/pc\.ram can only be big-endian, rom only little-endian|rom.*pc\.ram/);
  });

  it('their own block in both orders are listed', async () => {
    const found = await orderOf(two, 'little', (bytes) => {
      const at = bytes.indexOf(1, 130);
      bytes.fill(0xff, at, at + 8);
    });
    expect(found.badTails.map(({ name }) => name)).toEqual(['pc.ram']);
    expect(found.order).toBe('little');
  });
});
