import { describe, expect, it, test } from 'vitest';
import { byteCount, fileOffset } from '../bytes/units';
import type { ExtentFeed } from './feed';
import type { BlockPlace } from './places';
import { planMasked, planWhole } from './plan';
import { copyStopped, precopy, type PrecopyOptions, type PrecopyPass, type PrecopySteps } from './precopy';

const MIB = 1024 * 1024;
const PAGE = 4096;
const PAGES = 4096;
const places: readonly BlockPlace[] = [
  { name: 'ram', ram: 0, ramOffset: fileOffset(0), length: byteCount(PAGES * PAGE), pagesOffset: fileOffset(MIB) },
];

interface World extends PrecopySteps {
  readonly calls: readonly string[];
  /** Pages whose last change has not been copied. */
  readonly behind: () => number;
}

/**
 * A guest that changes `dirtyPerMs` pages of a working set, in turn, and channels that copy `copyPerMs`: time passes in
 * `copy` alone, page by page.
 */
function world(dirtyPerMs: number, copyPerMs: number, workingSet = PAGES): World {
  let now = 0;
  let running = true;
  let changed = 0;
  let next = 0;
  const calls: string[] = [];
  const marks = new Uint8Array(PAGES / 8);
  const behind = new Set<number>();
  const mark = (page: number): void => {
    marks[page >> 3] = (marks[page >> 3] ?? 0) | (1 << (page & 7));
    behind.add(page);
  };
  for (let page = 0; page < PAGES; page += 1) mark(page);
  const pass = (ms: number): void => {
    now += ms;
    if (!running) return;
    for (changed += dirtyPerMs * ms; changed >= 1; changed -= 1) {
      mark(next);
      next = (next + 1) % workingSet;
    }
  };
  return {
    calls,
    behind: () => behind.size,
    clock: { now: () => now, after: () => () => undefined },
    guest: {
      sync: async () => {
        calls.push('sync');
        const taken = marks.slice();
        marks.fill(0);
        return [taken];
      },
      stop: async () => {
        calls.push('stop');
        pass(1);
        running = false;
      },
    },
    first: async () => {
      calls.push('first');
      return planWhole(places, [[0, PAGES * PAGE]], PAGE);
    },
    marked: (bits) => planMasked(places, bits, PAGE),
    copy: async (feed: ExtentFeed) => {
      calls.push('copy');
      const startedAt = now;
      let pages = 0;
      for (let batch = feed.next(MIB); batch.length > 0; batch = feed.next(MIB)) {
        for (const { extent, firstPage, pages: count } of batch) {
          for (let page = 0; page < count; page += 1) {
            if (extent.mask !== undefined && (((extent.mask[page >> 3] ?? 0) >> (page & 7)) & 1) === 0) continue;
            behind.delete(firstPage + page);
            pages += 1;
            pass(1 / copyPerMs);
          }
        }
      }
      return { pages, bytes: pages * PAGE, ms: now - startedAt, cpuMs: 0 };
    },
  };
}

const usual: PrecopyOptions = { downtimeMs: 10, mostPasses: 30, liveLimitMs: null, finishStopped: true };

describe('precopy', () => {
  test.each([
    [0, 100, true],
    [10, 100, true],
    [50, 100, true],
    [90, 100, true],
    [99, 100, false],
    [100, 100, false],
    [400, 100, false],
  ])('of a guest that changes %d pages a millisecond, with channels that copy %d, converges: %s', async (...row) => {
    const [dirty, copy, converges] = row;
    const one = world(dirty, copy);
    const result = await precopy(one, usual);
    expect(result.converged).toBe(converges);
    expect(one.behind()).toBe(0);
    expect(result.passes.at(-1)?.dirtied).toBeNull();
    if (converges) expect(result.downtimeMs).toBeLessThan(usual.downtimeMs * 2);
    else expect(result.why).toContain('3 passes made no progress');
  });

  it('copies less with each pass', async () => {
    const { passes } = await precopy(world(50, 100), usual);
    expect(passes.map(({ pages }) => pages).slice(0, 3)).toEqual([4096, 2048, 1024]);
    expect(passes.map(({ dirtied }) => dirtied).slice(0, 2)).toEqual([2048, 1024]);
  });

  it('clears the marks before it reads, and asks once more when the guest has stopped', async () => {
    const one = world(10, 100);
    await precopy(one, { ...usual, downtimeMs: 1 });
    expect(one.calls).toEqual(['sync', 'first', 'copy', 'sync', 'copy', 'sync', 'stop', 'sync', 'copy']);
  });

  it.each([2, 3, 5])('stops the guest for the last of %i passes', async (mostPasses) => {
    const one = world(90, 100);
    const result = await precopy(one, { ...usual, downtimeMs: 0, mostPasses });
    expect(result.passes).toHaveLength(mostPasses);
    expect(result).toMatchObject({ converged: false, why: `The limit of ${mostPasses} passes was reached.` });
    expect(one.behind()).toBe(0);
  });

  it('stops the guest when its time is up', async () => {
    const one = world(99, 100);
    const result = await precopy(one, { ...usual, liveLimitMs: 60 });
    expect(result).toMatchObject({ converged: false, why: 'The time limit of 0.06 s was reached.' });
    expect(result.passes).toHaveLength(3);
    expect(one.behind()).toBe(0);
  });

  it('that does not converge and may not stop the guest fails, and the guest runs on', async () => {
    const one = world(400, 100);
    const copying = precopy(one, { ...usual, finishStopped: false });
    await expect(copying).rejects.toMatchObject({ failure: { code: 'save.failed' } });
    expect(one.calls).not.toContain('stop');
  });

  it('of a small working set takes the downtime it may, not more passes', async () => {
    const one = world(1000, 100, 500);
    const { converged, passes, downtimeMs } = await precopy(one, usual);
    expect(converged).toBe(true);
    expect(passes).toHaveLength(2);
    expect(downtimeMs).toBeLessThanOrEqual(10);
  });

  it('tells each pass when it is over', async () => {
    const told: PrecopyPass[] = [];
    const { passes } = await precopy({ ...world(20, 100), onPass: (pass) => told.push(pass) }, usual);
    expect(told).toEqual(passes);
  });
});

test('a guest that is stopped first is copied in one pass', async () => {
  const one = world(400, 100);
  const result = await copyStopped(one);
  expect(one.calls).toEqual(['stop', 'first', 'copy']);
  expect(result).toMatchObject({ converged: true, why: null, passes: [{ number: 1, pages: 4096, dirtied: null }] });
  expect(result.downtimeMs).toBeGreaterThan(40);
  expect(one.behind()).toBe(0);
});
