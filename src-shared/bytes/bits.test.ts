import { describe, expect, it } from 'vitest';
import { countOnes, isBitSet, RunFinder, swapWords } from './bits';

/** A row of bits as text, first bit first, in little-endian words. */
function bitmapOf(row: string): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(row.length / 64) * 8);
  for (const [index, bit] of Array.from(row).entries()) {
    if (bit === '1') bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (1 << (index & 7));
  }
  return bytes;
}

const ROWS = [
  '',
  '1',
  '0'.repeat(64),
  '1'.repeat(64),
  '01'.repeat(100),
  `${'0'.repeat(63)}1`,
  `${'1'.repeat(7)}0${'1'.repeat(9)}`,
  `${'0'.repeat(60)}${'1'.repeat(20)}${'0'.repeat(60)}`,
  `${'1'.repeat(130)}0001`,
];

const onesOf = (row: string): number => row.split('1').length - 1;

function runsOf(row: string, chunk: number): number[] {
  const finder = new RunFinder();
  const runs: number[] = [];
  const onRun = (first: number, end: number): unknown => runs.push(first, end);
  const bytes = bitmapOf(row);
  for (let at = 0; at < bytes.length; at += chunk) finder.add(bytes.subarray(at, at + chunk), onRun);
  finder.finish(onRun);
  return runs;
}

const expectedRuns = (row: string): number[] =>
  [...row.matchAll(/1+/g)].flatMap((match) => [match.index, match.index + match[0].length]);

describe('bits of a bitmap', () => {
  it.each(ROWS)('are counted: %s', (row) => {
    expect(countOnes(bitmapOf(row))).toBe(onesOf(row));
  });

  it('are counted from any byte of a buffer on', () => {
    const bytes = bitmapOf('1'.repeat(200));
    for (let shift = 0; shift < 8; shift++) {
      const moved = new Uint8Array(bytes.length + shift);
      moved.set(bytes, shift);
      expect(countOnes(moved.subarray(shift))).toBe(200);
    }
  });

  it.each(ROWS)('are found one by one, in either byte order: %s', (row) => {
    const little = bitmapOf(row);
    const big = swapWords(little);
    for (const [index, bit] of Array.from(row).entries()) {
      expect(isBitSet(little, index, 'little')).toBe(bit === '1');
      expect(isBitSet(big, index, 'big')).toBe(bit === '1');
    }
  });

  it('stand in the last byte of a big-endian word first', () => {
    expect(swapWords(bitmapOf('1'))).toEqual(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1));
  });
});

describe('runs of set bits', () => {
  it.each(ROWS)('are found, however the bitmap is cut: %s', (row) => {
    for (const chunk of [1, 3, 8, 1000]) expect(runsOf(row, chunk)).toEqual(expectedRuns(row));
  });

  it('end before a stretch that is skipped', () => {
    const finder = new RunFinder();
    const runs: number[] = [];
    const onRun = (first: number, end: number): unknown => runs.push(first, end);
    finder.add(Uint8Array.of(0xf0), onRun);
    finder.addClear(64, onRun);
    finder.add(Uint8Array.of(0x03), onRun);
    finder.finish(onRun);
    expect(runs).toEqual([4, 8, 72, 74]);
  });
});
