import { beforeEach, expect, it } from 'vitest';
import type { CellFacts } from './codes';
import { PageCache, type ChunkKey } from './page-cache';

const MIB = 2 ** 20;
const key = (number: number): ChunkKey => ({ block: 'pc.ram', zoom: 0, number });

const turn = (): Promise<void> => new Promise((done) => setTimeout(done));

/** A worker that answers when it is told to. */
interface Question {
  readonly number: number;
  answer(bytes?: number): Promise<void>;
  fail(): Promise<void>;
}
let questions: Question[] = [];
let failed: unknown[] = [];
let arrived = 0;

function cacheOf(): PageCache {
  return new PageCache(
    ({ number }) =>
      new Promise<CellFacts>((resolve, reject) => {
        questions.push({
          number,
          async answer(bytes = 4096) {
            resolve({
              cells: bytes,
              flags: new Uint8Array(bytes).fill(arrived),
              counts: null,
              classes: null,
              entropy: null,
            });
            await turn();
          },
          async fail() {
            reject(new Error('no'));
            await turn();
          },
        });
      }),
    () => (arrived += 1),
    (error) => failed.push(error),
  );
}
const asked = (): number[] => questions.map(({ number }) => number);
/** Answers what was asked first. */
const answer = (bytes?: number): Promise<void> => questions.shift()?.answer(bytes) ?? Promise.resolve();

beforeEach(() => {
  [questions, failed, arrived] = [[], [], 0];
});

it('asks for what is in view, two at a time, and once', async () => {
  const cache = cacheOf();
  cache.want([key(1), key(2), key(3)]);
  cache.want([key(1), key(2), key(3)]);
  expect(asked()).toEqual([1, 2]);
  await answer();
  expect(asked()).toEqual([2, 3]);
  expect(cache.get(key(1))?.cells).toBe(4096);
  await answer();
  await answer();
  cache.want([key(1), key(2), key(3)]);
  expect(asked()).toEqual([]);
  expect(arrived).toBe(3);
});

it('does not ask for what was scrolled past', async () => {
  const cache = cacheOf();
  cache.want([key(1), key(2), key(3), key(4)]);
  cache.want([key(9)]);
  await answer();
  await answer();
  expect(asked()).toEqual([9]);
});

it('shows what it knew until a scan that went on has been asked about', async () => {
  const cache = cacheOf();
  cache.want([key(1)]);
  await answer();
  const before = cache.get(key(1));
  cache.outdate();
  expect(asked()).toEqual([1]);
  expect(cache.get(key(1))).toBe(before);
  // Another change while it is asked: what comes is older than that.
  cache.outdate();
  await answer();
  expect(asked()).toEqual([1]);
  await answer();
  expect(asked()).toEqual([]);
  expect(cache.get(key(1))).not.toBe(before);
});

it('holds a bounded number of bytes, and keeps what is in view and what was last', async () => {
  const cache = cacheOf();
  for (let number = 0; number < 24; number += 1) {
    cache.want([key(0), key(number)]);
    await answer(MIB);
    await answer(MIB);
    expect(cache.bytes).toBeLessThanOrEqual(16 * MIB);
  }
  expect(cache.get(key(0))).not.toBeNull();
  expect(cache.get(key(23))).not.toBeNull();
  expect(cache.get(key(1))).toBeNull();
});

it('tells of a failure, and asks again only when it is wanted again', async () => {
  const cache = cacheOf();
  cache.want([key(1)]);
  await questions.shift()?.fail();
  expect([failed.length, asked()]).toEqual([1, []]);
  cache.want([key(1)]);
  expect(asked()).toEqual([1]);
});
