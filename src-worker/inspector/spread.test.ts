import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeTempDir, removeTempDir } from '../../test/support/temp';
import { openPath, type FileSource } from '../io/file-source';
import { allocatedIn } from './spread';

const BLOCK = 65_536;
const BLOCKS = 512;

let folder = '';
let source: FileSource;
/** Blocks of the file that have bytes on disk: every third up to the middle, and then none but the last. */
const filled = Array.from({ length: BLOCKS }, (_, block) =>
  block < BLOCKS / 2 ? block % 3 === 0 : block === BLOCKS - 1,
);

beforeAll(async () => {
  folder = await makeTempDir();
  const path = join(folder, 'sparse');
  const file = await open(path, 'w');
  for (const [block, full] of filled.entries())
    if (full) await file.write(Buffer.alloc(BLOCK, 7), 0, BLOCK, block * BLOCK);
  await file.sync();
  await file.close();
  source = await openPath(path);
});
afterAll(async () => {
  await source.close();
  await removeTempDir(folder);
});

const wantedIn = (from: number, to: number): number => {
  let data = 0;
  filled.forEach((full, block) => {
    if (full) data += Math.max(0, Math.min(to, (block + 1) * BLOCK) - Math.max(from, block * BLOCK));
  });
  return data / (to - from);
};

it.each([1, 7, 64, 512, 4096])('%d cells say how much of each is on disk', async (count) => {
  const [from, to] = [12_288, BLOCKS * BLOCK];
  const shades = await allocatedIn(source, { from, to, count });
  expect(shades.length).toBe(count);
  shades.forEach((shade, cell) => {
    const [start, end] = [cell, cell + 1].map((edge) => from + Math.floor((edge * (to - from)) / count));
    const share = wantedIn(start ?? 0, end ?? 0);
    expect(Math.abs(shade / 255 - share)).toBeLessThan(1 / 250);
    expect([shade === 0, shade === 255]).toEqual([share === 0, share === 1]);
  });
});

it('with more extents than are counted, what is behind them is sampled, and never shown as none or all', async () => {
  const cells = { from: 0, to: BLOCKS * BLOCK, count: 8 };
  const exact = await allocatedIn(source, cells);
  const sampled = await allocatedIn(source, cells, 0);
  for (const [cell, shade] of sampled.entries()) {
    expect(shade).toBeGreaterThan(0);
    expect(shade).toBeLessThan(255);
    expect(Math.abs(shade - (exact[cell] ?? 0))).toBeLessThan(60);
  }
});
