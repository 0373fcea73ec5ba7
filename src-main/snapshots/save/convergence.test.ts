import { describe, expect, test } from 'vitest';
import { Convergence } from './convergence';

describe('a live save', () => {
  test('goes on while every pass leaves less than the best before it', () => {
    const convergence = new Convergence(600);
    const remaining = [1000, 500, 300, 200, 150, 100];
    expect(remaining.map((bytes, index) => convergence.push(index * 1000, index + 1, bytes))).toEqual(
      remaining.map(() => null),
    );
  });

  test('is finished paused after three passes without progress', () => {
    const convergence = new Convergence(600);
    const said = [1000, 400, 400, 395, 400].map((bytes, index) => convergence.push(index * 1000, index + 1, bytes));
    expect(said.slice(0, 4)).toEqual([null, null, null, null]);
    expect(said[4]).toContain('as fast as it was written over 3 passes');
  });

  test('counts anew after a pass that got on', () => {
    const convergence = new Convergence(600);
    const said = [1000, 400, 400, 400, 200, 200, 200].map((bytes, index) => convergence.push(index, index + 1, bytes));
    expect(said.every((why) => why === null)).toBe(true);
    expect(convergence.push(8, 8, 200)).not.toBeNull();
  });

  test('is finished paused when its time is over, also within the first pass', () => {
    const convergence = new Convergence(2);
    expect(convergence.push(1999, 1, 10)).toBeNull();
    expect(convergence.push(2000, 1, 10)).toContain('limit of 2 s');
  });

  test('many answers within one pass are one pass', () => {
    const convergence = new Convergence(600);
    for (let at = 0; at < 100; at += 1) expect(convergence.push(at, 1, 1000)).toBeNull();
  });
});
