import { describe, expect, it } from 'vitest';
import { swapWords } from '../bytes/bits';
import { MemorySource } from '../bytes/memory-source';
import { byteCount, fileOffset, pageIndex } from '../bytes/units';
import { bitsPastEnd, countBits, eachRuns, isPagePresent, type Bitmap } from './bitmap';

const AT = 1000;
/** Longer than a chunk, so that runs cross from one chunk to the next. */
const PAGES = 3_000_000;

const bitmap: Bitmap = {
  offset: fileOffset(AT),
  length: byteCount(Math.ceil(PAGES / 64) * 8),
  pages: PAGES,
};

/** Runs of pages: over a chunk's border, single pages, to the last page. */
const RUNS = [0, 1, 5, 70, 2_097_100, 2_097_200, 2_999_000, PAGES];

function fileWith(runs: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(AT + bitmap.length);
  for (let at = 0; at < runs.length; at += 2) {
    for (let page = runs[at] ?? 0; page < (runs[at + 1] ?? 0); page++) {
      const byte = AT + (page >> 3);
      bytes[byte] = (bytes[byte] ?? 0) | (1 << (page & 7));
    }
  }
  return bytes;
}

const little = fileWith(RUNS);
const big = Uint8Array.from(little);
big.set(swapWords(little.subarray(AT)), AT);

/** The file with its longest stretch of zeros as a hole. */
const holed = new MemorySource(little, 'holed', [[AT + 1001, AT + 200_003]]);

async function runsIn(source: MemorySource, order: 'little' | 'big'): Promise<number[]> {
  const found: number[] = [];
  await eachRuns(source, bitmap, order, (runs) => {
    found.push(...runs);
    return Promise.resolve();
  });
  return found;
}

describe('a bitmap of pages', () => {
  const present = RUNS.reduce((sum, page, index) => sum + (index % 2 === 0 ? -page : page), 0);

  it('is counted, in either byte order and over holes', async () => {
    for (const source of [new MemorySource(little), new MemorySource(big), holed]) {
      expect(await countBits(source, bitmap)).toBe(present);
    }
  });

  it('is walked run by run, over the borders of chunks and over holes', async () => {
    expect(await runsIn(new MemorySource(little), 'little')).toEqual(RUNS);
    expect(await runsIn(new MemorySource(big), 'big')).toEqual(RUNS);
    expect(await runsIn(holed, 'little')).toEqual(RUNS);
  });

  it('tells of one page', async () => {
    for (const page of [0, 1, 4, 5, 69, 70, 2_999_999]) {
      const expected = RUNS.some((start, at) => at % 2 === 0 && page >= start && page < (RUNS[at + 1] ?? 0));
      expect(await isPagePresent(new MemorySource(little), bitmap, pageIndex(page), 'little')).toBe(expected);
      expect(await isPagePresent(new MemorySource(big), bitmap, pageIndex(page), 'big')).toBe(expected);
    }
  });

  it('that the file ends inside is truncated', async () => {
    const cut = new MemorySource(little.subarray(0, little.length - 1));
    await expect(countBits(cut, bitmap)).rejects.toMatchObject({ failure: { code: 'format.truncated' } });
  });

  it('has bits past its last page only where they are set there', () => {
    const word = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0x80);
    expect(bitsPastEnd(word, 64, 'little')).toBe(0);
    expect(bitsPastEnd(word, 63, 'little')).toBe(1);
    expect(bitsPastEnd(word, 8, 'big')).toBe(0);
    expect(bitsPastEnd(word, 7, 'big')).toBe(1);
  });
});
