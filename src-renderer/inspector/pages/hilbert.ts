/** The Hilbert curve through a square whose side is a power of two: it begins at the top left and ends at the top right. */

/** Where along the curve a cell is. */
export function hilbertIndex(side: number, x: number, y: number): number {
  let [column, row, index] = [x, y, 0];
  for (let half = side / 2; half >= 1; half /= 2) {
    const [right, below] = [(column & half) > 0 ? 1 : 0, (row & half) > 0 ? 1 : 0];
    index += half * half * ((3 * right) ^ below);
    if (below === 0) {
      if (right === 1) [column, row] = [side - 1 - column, side - 1 - row];
      [column, row] = [row, column];
    }
  }
  return index;
}

/** For each place along the curve, which cell it is: row × side + column. */
export function hilbertPositions(side: number): Uint32Array {
  const positions = new Uint32Array(side * side);
  for (let row = 0; row < side; row += 1) {
    for (let column = 0; column < side; column += 1) positions[hilbertIndex(side, column, row)] = row * side + column;
  }
  return positions;
}
