import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { fileOffset } from '@shared/bytes/units';
import { randomFrom } from '@shared/search/random-regex.fixture';
import { tempDirPerTest } from '../../test/support/temp';
import { DataRuns } from './data-runs';
import { extentFrom } from './extent';
import { allocateRange, punchRange, seekData, seekEnd, seekHole } from './libc';

const BLOCK = 4096;
const folder = tempDirPerTest('sfd');
const open: number[] = [];
afterEach(() => {
  for (const fd of open.splice(0)) closeSync(fd);
});

function newFile(path = join(folder(), 'file')): number {
  const fd = openSync(path, 'w+');
  open.push(fd);
  return fd;
}

/** Runs of data that do not touch, as lseek tells them one by one. */
function bySeeking(fd: number, from: number, to: number): number[] {
  const seeker = {
    seekData: (at: number) => seekData(fd, at),
    seekHole: (at: number) => seekHole(fd, at),
    size: () => seekEnd(fd),
  };
  const runs: number[] = [];
  for (let at = from; at < to;) {
    const extent = extentFrom(seeker, fileOffset(at));
    if (extent === null) break;
    const end = Math.min(to, at + extent.length);
    if (extent.kind === 'data') runs.push(at, end);
    at = end;
  }
  return runs;
}

/** The same from slices; runs that touch are put together. */
function bySlices(fd: number, from: number, to: number, most: number): { runs: number[]; mapped: boolean | null } {
  const data = new DataRuns(fd, most);
  const runs: number[] = [];
  for (let at = from; at < to;) {
    const slice = data.next(at, to);
    expect(slice.end).toBeGreaterThan(at);
    for (let index = 0; index < slice.runs.length; index += 2) {
      const [start, end] = [slice.runs[index] ?? 0, slice.runs[index + 1] ?? 0];
      if (runs.at(-1) === start) runs[runs.length - 1] = end;
      else runs.push(start, end);
    }
    at = slice.end;
  }
  return { runs, mapped: data.mapped };
}

describe('runs of data', () => {
  it('are those that lseek finds, whatever was written, taken and given back, flushed or not', () => {
    const random = randomFrom(7);
    for (let time = 0; time < 12; time++) {
      const fd = newFile(join(folder(), `f${time}`));
      for (let step = 0; step < 60; step++) {
        const [at, length] = [random(400) * BLOCK, (1 + random(12)) * BLOCK];
        const what = random(3);
        if (what === 0) writeSync(fd, Buffer.alloc(length - random(BLOCK), 1), 0, undefined, at);
        else if (what === 1) allocateRange(fd, at, length);
        else punchRange(fd, at, length);
      }
      for (const [from, to] of [
        [0, 500 * BLOCK],
        [random(300) * BLOCK + 77, 300 * BLOCK + random(BLOCK)],
      ] as const) {
        const expected = bySeeking(fd, from, to);
        if (from === 0) expect(expected.length).toBeGreaterThan(10);
        for (const most of [1, 3, 1024]) expect(bySlices(fd, from, to, most).runs).toEqual(expected);
      }
    }
  });

  it('are found where the file system has no FIEMAP', () => {
    const path = join('/dev/shm', `stillframe-runs-${process.pid}`);
    const fd = newFile(path);
    try {
      for (let block = 0; block < 300; block += 3) writeSync(fd, Buffer.alloc(BLOCK, 1), 0, BLOCK, block * BLOCK);
      const { runs, mapped } = bySlices(fd, 0, 400 * BLOCK, 10);
      expect(mapped).toBe(false);
      expect(runs).toEqual(bySeeking(fd, 0, 400 * BLOCK));
      expect(runs).toHaveLength(200);
    } finally {
      unlinkSync(path);
    }
  });
});
