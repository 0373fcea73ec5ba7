import { describe, expect, it } from 'vitest';
import type { Segment, Stretch } from '@shared/contracts/inspector-port';
import { ByteCache, CHUNK_BYTES } from './byte-cache';
import { joined } from './layout-span';

/** Reads that are answered by hand. */
function byHand(size: number) {
  const waiting = new Map<number, () => void>();
  /** Chunks of each request. */
  const asked: number[][] = [];
  const failed: unknown[] = [];
  const read = (wanted: readonly Stretch[]): Promise<readonly Uint8Array[]> => {
    const chunks = wanted.map(({ offset }) => offset / CHUNK_BYTES);
    asked.push(chunks);
    return new Promise((resolve) => {
      const bytes = wanted.map(({ offset, length }) =>
        new Uint8Array(Math.max(0, Math.min(length, size - offset))).fill((offset / CHUNK_BYTES) % 256),
      );
      for (const chunk of chunks) waiting.set(chunk, () => resolve(bytes));
    });
  };
  const told: (readonly number[])[] = [];
  const cache = new ByteCache(
    read,
    (chunks) => told.push(chunks),
    (error) => failed.push(error),
  );
  const answer = async (chunk: number): Promise<void> => {
    waiting.get(chunk)?.();
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  };
  return { cache, asked, answer, failed, told };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const chunk = (index: number) => ({ from: index * CHUNK_BYTES, to: (index + 1) * CHUNK_BYTES });

describe('the byte cache', () => {
  it('never reads what was scrolled past before its turn came', async () => {
    const { cache, asked, answer } = byHand(2 ** 40);
    cache.want(upTo(64).map(chunk));
    cache.want([100, 101].map(chunk));
    expect(asked).toEqual([upTo(16), upTo(32).slice(16)]);
    await answer(0);
    await answer(16);
    expect(asked.slice(2)).toEqual([[100, 101]]);
  });

  it('reads a chunk once, however often it is wished for', async () => {
    const { cache, asked, answer } = byHand(2 ** 40);
    for (let turn = 0; turn < 5; turn += 1) cache.want([chunk(7)]);
    await answer(7);
    cache.want([chunk(7)]);
    expect(asked).toEqual([[7]]);
  });

  it('tells once of bytes that come together, and says when all are there', async () => {
    const { cache, answer, told } = byHand(2 ** 40);
    cache.want(upTo(32).map(chunk));
    let settled = false;
    void cache.settled(60_000).then(() => (settled = true));
    await answer(0);
    expect([told, settled]).toEqual([[], false]);
    await answer(16);
    expect([told, settled]).toEqual([[upTo(32)], true]);
  });

  it('reads what is expected first, and waits for that alone, whatever else is wanted meanwhile', async () => {
    const { cache, answer, asked } = byHand(2 ** 40);
    cache.expect([chunk(900)]);
    cache.want(upTo(40).map(chunk));
    let settled = false;
    void cache.settled(60_000).then(() => (settled = true));
    expect(asked.map((chunks) => chunks[0])).toEqual([900, 0]);
    cache.want([chunk(41)]);
    await answer(0);
    expect(settled).toBe(false);
    await answer(900);
    expect(settled).toBe(true);
  });

  it('does not wait longer than it is told to', async () => {
    const { cache } = byHand(2 ** 40);
    cache.want([chunk(3)]);
    await cache.settled(5);
    expect(cache.get(3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 1)).toBeNull();
  });

  it('answers across chunks only when both are there, and is shorter where the file ends', async () => {
    const size = CHUNK_BYTES + 10;
    const { cache, answer } = byHand(size);
    cache.want([{ from: 0, to: CHUNK_BYTES }]);
    await answer(0);
    expect(cache.get(CHUNK_BYTES - 4, CHUNK_BYTES + 4)).toBeNull();
    cache.want([{ from: 0, to: size }]);
    await answer(1);
    expect([...(cache.get(CHUNK_BYTES - 4, CHUNK_BYTES + 4) ?? [])]).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
    expect(cache.get(CHUNK_BYTES + 5, CHUNK_BYTES + 50)).toHaveLength(5);
  });

  it('holds at most 16 MiB, and never lets go of what is in view', async () => {
    const { cache, answer } = byHand(2 ** 40);
    for (let index = 0; index < 4400; index += 1) {
      cache.want([chunk(0), chunk(index)]);
      await answer(index);
    }
    expect(cache.held).toBeLessThanOrEqual(16 * 2 ** 20);
    expect(cache.get(0, 16)).not.toBeNull();
    expect(cache.get(CHUNK_BYTES, CHUNK_BYTES + 16)).toBeNull();
    expect(cache.get(4399 * CHUNK_BYTES, 4399 * CHUNK_BYTES + 1)).not.toBeNull();
  });

  it('says that a read failed and goes on with the others', async () => {
    const failed: unknown[] = [];
    const read = (wanted: readonly Stretch[]): Promise<readonly Uint8Array[]> =>
      wanted.some(({ offset }) => offset === 0)
        ? Promise.reject(new Error('gone'))
        : Promise.resolve(wanted.map(({ length }) => new Uint8Array(length)));
    const cache = new ByteCache(
      read,
      () => undefined,
      (error) => failed.push(error),
    );
    cache.want([chunk(0), chunk(1)]);
    for (let turn = 0; turn < 30; turn += 1) await Promise.resolve();
    expect(failed).toHaveLength(1);
    expect(cache.get(0, 1)).toBeNull();
    expect(cache.get(CHUNK_BYTES, CHUNK_BYTES + 1)).toEqual(new Uint8Array(1));
  });
});

describe('segments at hand', () => {
  const all: readonly Segment[] = Array.from({ length: 10_000 }, (_, index) => ({
    offset: index * 10,
    length: 10,
    kind: index % 2 === 0 ? 'data' : 'hole',
    pages: null,
  }));

  it('grow by what touches them on either side', () => {
    const middle = all.slice(40, 60);
    expect(joined(middle, all.slice(55, 80), 500)).toEqual(all.slice(40, 80));
    expect(joined(middle, all.slice(60, 80), 500)).toEqual(all.slice(40, 80));
    expect(joined(middle, all.slice(10, 40), 500)).toEqual(all.slice(10, 60));
    expect(joined(middle, all.slice(30, 70), 500)).toEqual(all.slice(30, 70));
    expect(joined(middle, all.slice(45, 50), 500)).toEqual(middle);
  });

  it('are replaced by what does not touch them', () => {
    expect(joined(all.slice(40, 60), all.slice(100, 110), 1000)).toEqual(all.slice(100, 110));
    expect(joined([], all.slice(3, 4), 0)).toEqual(all.slice(3, 4));
    expect(joined(all.slice(3, 4), [], 0)).toEqual(all.slice(3, 4));
  });

  it('stay bounded, around the place that is looked at', () => {
    const kept = joined(all.slice(0, 5000), all.slice(5000, 9000), 50_000);
    expect(kept).toHaveLength(4096);
    expect(kept[0]?.offset).toBeLessThan(50_000);
    expect((kept.at(-1)?.offset ?? 0) > 50_000).toBe(true);
  });
});
