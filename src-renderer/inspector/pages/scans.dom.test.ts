import { beforeEach, expect, it, vi } from 'vitest';
import type { PageScan, PageScanState } from '@shared/contracts/inspector-pages';
import { PageScans } from './scans.svelte';

const TOTAL = 1000;
let clock = 0;
let moves = 0;
let failed: unknown[] = [];

/** A worker whose scans do as much as is said for each step. */
function scansOver(steps: readonly number[]): { scans: PageScans; asked: string[] } {
  const asked: string[] = [];
  const left = [...steps];
  let state: PageScanState = { scan: 'digests', state: 'not begun', doneBytes: 0, totalBytes: TOTAL, why: null };
  const api = {
    beginScan: async (scan: PageScan) => {
      asked.push(`begin ${scan}`);
      return (state = { ...state, state: 'running' as const });
    },
    endScan: async (scan: PageScan) => {
      asked.push(`end ${scan}`);
      return (state = { ...state, state: 'not begun' as const });
    },
    scans: async () => {
      asked.push('scans');
      clock += 500;
      const doneBytes = state.doneBytes + (left.shift() ?? 0);
      if (state.state === 'running') state = { ...state, doneBytes, state: doneBytes >= TOTAL ? 'done' : 'running' };
      return [state];
    },
  };
  return {
    asked,
    scans: new PageScans(
      api,
      () => (moves += 1),
      (error) => failed.push(error),
      () => clock,
    ),
  };
}

beforeEach(() => {
  [clock, moves, failed] = [0, 0, []];
});

it('a scan is followed to its end, and then no more is asked', async () => {
  const { scans, asked } = scansOver([100, 100, 300, 500]);
  expect([scans.of('digests'), scans.isKnown('digests')]).toEqual([null, false]);
  await scans.begin('digests');
  await vi.waitFor(() => expect(scans.of('digests')?.state).toBe('done'));
  await vi.waitFor(() => expect(asked.filter((call) => call === 'scans')).toHaveLength(4));
  expect([scans.isKnown('digests'), scans.secondsLeft('digests'), moves, failed]).toEqual([true, null, 4, []]);
});

it('says how long it takes from how fast it was, and not before a second', async () => {
  const { scans } = scansOver([100, 0, 0, 0, 900]);
  const left: (number | null)[] = [];
  const of = vi.spyOn(scans, 'secondsLeft');
  await scans.begin('digests');
  while (scans.of('digests')?.state === 'running') {
    left.push(scans.secondsLeft('digests'));
    await Promise.resolve();
  }
  expect(of).toHaveBeenCalled();
  expect(left[0]).toBeNull();
  // 100 bytes in a second, 900 to go; slower when nothing comes for a while.
  expect(left).toContain(9);
});

it('one that is ended keeps what it found, and one that was closed asks no more', async () => {
  const { scans, asked } = scansOver([100, ...Array<number>(50).fill(1)]);
  await scans.begin('digests');
  await scans.end('digests');
  await vi.waitFor(() => expect(scans.of('digests')?.state).toBe('not begun'));
  expect(asked).toContain('end digests');
  scans.close();
  const before = asked.length;
  await new Promise((done) => setTimeout(done, 20));
  expect(asked.length - before).toBeLessThan(2);
});
