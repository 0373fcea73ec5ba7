import { describe, expect, it } from 'vitest';
import { hilbertIndex, hilbertPositions } from './hilbert';

describe.each([1, 2, 4, 32, 128])('a Hilbert curve through %i × itself', (side) => {
  const positions = hilbertPositions(side);

  it('comes by every cell once', () => {
    expect(new Set(positions).size).toBe(side * side);
    expect(Math.max(...positions)).toBe(side * side - 1);
  });

  it('goes from each cell to one beside it', () => {
    for (let index = 1; index < positions.length; index += 1) {
      const [from, to] = [positions[index - 1] ?? 0, positions[index] ?? 0];
      const across = Math.abs((from % side) - (to % side));
      const down = Math.abs(Math.floor(from / side) - Math.floor(to / side));
      expect(across + down).toBe(1);
    }
  });

  it('begins at the top left, ends at the top right, and knows where along it a cell is', () => {
    expect([positions[0], positions.at(-1)]).toEqual([0, side - 1]);
    positions.forEach((position, index) =>
      expect(hilbertIndex(side, position % side, Math.floor(position / side))).toBe(index),
    );
  });
});
