/** Copies cells into pixels. Tiles are drawn once for each size and theme; a full canvas is then some million copied words. */

export interface TileSet {
  /** Device pixels along a tile's edge. */
  readonly size: number;
  /** The pixels of all tiles, one tile after the other, as ImageData has them. */
  readonly pixels: Uint32Array;
}

/**
 * Paints cell after cell. `width` of the canvas in device pixels; `positions` as PageGrid has them. Cells that would lie outside of
 * `pixels` are left out.
 */
export function paintCells(
  pixels: Uint32Array,
  width: number,
  columns: number,
  codes: Uint8Array,
  positions: Uint32Array | null,
  tiles: TileSet,
): void {
  const { size, pixels: drawn } = tiles;
  const area = size * size;
  for (let cell = 0; cell < codes.length; cell += 1) {
    const position = positions === null ? cell : (positions[cell] ?? 0);
    const column = position % columns;
    let to = ((position - column) / columns) * size * width + column * size;
    let from = (codes[cell] ?? 0) * area;
    if (to + (size - 1) * width + size > pixels.length) continue;
    for (let line = 0; line < size; line += 1) {
      for (let x = 0; x < size; x += 1) pixels[to + x] = drawn[from + x] ?? 0;
      to += width;
      from += size;
    }
  }
}
