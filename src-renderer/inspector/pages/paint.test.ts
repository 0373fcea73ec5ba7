import { expect, it } from 'vitest';
import { hilbertPositions } from './hilbert';
import { paintCells } from './paint';

/** Tiles of 2 × 2 pixels; pixel n of tile t is 10 t + n. */
const tiles = {
  size: 2,
  pixels: Uint32Array.from({ length: 40 }, (_, index) => Math.floor(index / 4) * 10 + (index % 4)),
};
const rows = (pixels: Uint32Array, width: number): number[][] =>
  Array.from({ length: pixels.length / width }, (_, row) => [...pixels.subarray(row * width, (row + 1) * width)]);

it('puts the tile of each cell in its place, row after row', () => {
  const pixels = new Uint32Array(5 * 4);
  paintCells(pixels, 5, 2, Uint8Array.from([1, 2, 3]), null, tiles);
  expect(rows(pixels, 5)).toEqual([
    [10, 11, 20, 21, 0],
    [12, 13, 22, 23, 0],
    [30, 31, 0, 0, 0],
    [32, 33, 0, 0, 0],
  ]);
});

it('puts it where the positions say, and nothing outside of the canvas', () => {
  const pixels = new Uint32Array(4 * 4);
  paintCells(pixels, 4, 2, Uint8Array.from([1, 2, 3, 4]), hilbertPositions(2), tiles);
  expect(rows(pixels, 4)[0]).toEqual([10, 11, 40, 41]);
  expect(rows(pixels, 4)[2]).toEqual([20, 21, 30, 31]);
  const before = [...pixels];
  paintCells(pixels, 4, 2, Uint8Array.from([1, 2, 3, 4, 9, 9]), Uint32Array.from([0, 2, 3, 1, 4, 5]), tiles);
  expect([...pixels]).toEqual(before);
});
