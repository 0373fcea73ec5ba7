import { describe, expect, it } from 'vitest';
import { differingBytes, nextDifference } from './differences';

describe('differences between two stretches of bytes', () => {
  it('count what the shorter one lacks as zeros', () => {
    expect([...differingBytes(Uint8Array.of(1, 2, 0), Uint8Array.of(1, 3, 0, 0, 4))]).toEqual([0, 1, 0, 0, 1]);
  });

  it('are found forward and back, from outside and from inside, each by its first byte', () => {
    const differs = Uint8Array.from('0110001100010', Number);
    const steps = (direction: 1 | -1, from: number): number[] => {
      const found: number[] = [];
      for (let at: number | null = from; ; found.push(at)) {
        at = nextDifference(differs, at, direction);
        if (at === null) return found;
      }
    };
    expect(steps(1, -1)).toEqual([1, 6, 11]);
    expect(steps(-1, differs.length)).toEqual([11, 6, 1]);
    expect(nextDifference(differs, 2, 1)).toBe(6);
    expect(nextDifference(differs, 7, -1)).toBe(6);
    expect(nextDifference(differs, 4, -1)).toBe(1);
  });

  it('at the very ends are found, too', () => {
    const ends = Uint8Array.of(1, 0, 1);
    expect([nextDifference(ends, -1, 1), nextDifference(ends, 0, 1), nextDifference(ends, 3, -1)]).toEqual([0, 2, 2]);
    expect([nextDifference(ends, 2, 1), nextDifference(ends, 0, -1)]).toEqual([null, null]);
    expect(nextDifference(new Uint8Array(8), -1, 1)).toBe(null);
  });
});
