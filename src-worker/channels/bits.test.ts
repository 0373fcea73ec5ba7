import { describe, expect, it } from 'vitest';
import { bytesFor, eachGroup, eachRun, nextBit } from './bits';

const bitsOf = (text: string): Uint8Array => {
  const bits = new Uint8Array(bytesFor(text.length));
  Array.from(text).forEach((one, at) => {
    if (one === '1') bits[at >> 3] = (bits[at >> 3] ?? 0) | (1 << (at & 7));
  });
  return bits;
};

function runs(text: string, from = 0, end = text.length, gap = 0): string {
  const found: string[] = [];
  const visit = (first: number, stop: number): void => void found.push(`${first}-${stop}`);
  if (gap === 0) eachRun(bitsOf(text), from, end, visit);
  else eachGroup(bitsOf(text), from, end, gap, visit);
  return found.join(' ');
}

describe('runs of set bits', () => {
  it.each<[string, number, number, string]>([
    ['', 0, 0, ''],
    ['0000000000000000', 0, 16, ''],
    ['1111111111111111', 0, 16, '0-16'],
    ['1111111111111111', 3, 13, '3-13'],
    ['0110000000000110', 0, 16, '1-3 13-15'],
    ['0000000110000000', 0, 16, '7-9'],
    ['0000000110000000', 8, 16, '8-9'],
    ['0000000110000000', 0, 8, '7-8'],
    ['111111111111111100000000000000001', 0, 33, '0-16 32-33'],
    ['101010101', 0, 9, '0-1 2-3 4-5 6-7 8-9'],
  ])('of %s from %i to before %i are %s', (text, from, end, found) => {
    expect(runs(text, from, end)).toBe(found);
  });

  it.each<[number, string]>([
    [1, '0-3 5-6 9-10 14-15'],
    [2, '0-6 9-10 14-15'],
    [3, '0-10 14-15'],
    [4, '0-15'],
  ])('that stand at most %i apart go together', (gap, found) => {
    expect(runs('111001000100001', 0, 15, gap)).toBe(found);
  });

  it('are found bit by bit alike, wherever they stand (sweep)', () => {
    for (let round = 0; round < 500; round++) {
      const density = [0.02, 0.5, 0.98][round % 3] ?? 0;
      const text = Array.from({ length: 70 }, () => (Math.random() < density ? '1' : '0')).join('');
      const bits = bitsOf(text);
      for (const wanted of [true, false]) {
        for (let from = 0; from < 65; from += 3) {
          const found = text.slice(from, 65).indexOf(wanted ? '1' : '0');
          expect(nextBit(bits, from, 65, wanted)).toBe(found < 0 ? 65 : from + found);
        }
      }
    }
  });
});
