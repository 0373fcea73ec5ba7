import { describe, expect, it, vi } from 'vitest';
import type { BlockReport, InspectReport } from '@shared/contracts/inspect';
import type { ComparedRun } from '@shared/contracts/inspector-compare';
import type { InspectedFile, Segment } from '@shared/contracts/inspector-port';
import { rowOfBoth } from './copy-row';
import { pressed } from './pair-keys';
import { PairState, type PairFile } from './pair-state.svelte';

const PAGE = 4096;
const PAGES = 64;
const BLOCK = { name: 'pc.ram', pageSize: PAGE, pages: PAGES };

/** A file whose block begins at `offset`; page n holds what `fill` says, and is not there for 0. */
function fileOf(
  offset: number,
  fill: (page: number) => number,
  patch: readonly (readonly [number, number])[] = [],
): PairFile {
  const memory = new Uint8Array(PAGES * PAGE);
  for (let page = 0; page < PAGES; page += 1) memory.fill(fill(page), page * PAGE, (page + 1) * PAGE);
  for (const [at, byte] of patch) memory[at] = byte;
  const segments = Array.from({ length: PAGES }, (_, page): Segment => {
    const present = fill(page) !== 0;
    const pages = { block: 'pc.ram', pageSize: PAGE, pagesOffset: offset, present };
    return { offset: offset + page * PAGE, length: PAGE, kind: present ? 'data' : 'hole', pages };
  });
  const block = { name: 'pc.ram', pageSize: PAGE, pagesTotal: PAGES, pagesOffset: offset } as BlockReport;
  return {
    file: { report: { ramBlocks: [block] } as unknown as InspectReport } as InspectedFile,
    api: {
      bytes: (at, length) => Promise.resolve(memory.slice(at - offset, at - offset + length)),
      layout: (at, _, after) => {
        const first = Math.floor((at - offset) / PAGE);
        return Promise.resolve({ segments: segments.slice(first, first + after + 1) });
      },
    },
  };
}

const runs: readonly ComparedRun[] = [
  { page: 3, count: 1, change: 'changed' },
  { page: 10, count: 2, change: 'removed' },
  { page: 63, count: 1, change: 'added' },
];
const near = (page: number, direction: 1 | -1): ComparedRun | null =>
  (direction === 1 ? runs.find((run) => run.page + run.count > page) : runs.findLast((run) => run.page <= page)) ??
  null;

function stateOver(): PairState {
  const a = fileOf(2 ** 20, (page) => (page === 63 ? 0 : 1), [[3 * PAGE + 100, 7]]);
  const b = fileOf(3 * 2 ** 20, (page) => (page === 10 || page === 11 ? 0 : page === 63 ? 9 : 1), [
    [3 * PAGE + 4000, 8],
  ]);
  const state = new PairState(
    { comparedRun: (_, page, direction) => Promise.resolve(near(page, direction)) },
    [a, b],
    (error) => {
      throw error;
    },
  );
  state.fit(20);
  state.goTo(BLOCK, 0);
  return state;
}

describe('two files side by side', () => {
  it('go from difference to difference, over pages that one file lacks, and back', async () => {
    const state = stateOver();
    const way: number[] = [];
    for (let step = 0; step < 4; step += 1) {
      await state.goToDifference(1);
      way.push(state.cursor);
    }
    expect(way).toEqual([3 * PAGE + 100, 3 * PAGE + 4000, 10 * PAGE, 11 * PAGE]);
    await state.goToDifference(1);
    expect(state.cursor).toBe(63 * PAGE);
    await state.goToDifference(1);
    expect([state.cursor, state.said]).toEqual([63 * PAGE, 'No difference behind this place in pc.ram.']);
    const back: number[] = [];
    for (let step = 0; step < 4; step += 1) {
      await state.goToDifference(-1);
      back.push(state.cursor);
    }
    expect(back).toEqual([11 * PAGE, 10 * PAGE, 3 * PAGE + 4000, 3 * PAGE + 100]);
    await state.goToDifference(-1);
    expect(state.said).toBe('No difference before this place in pc.ram.');
  });

  it('show the same place of the block in either, with what each has there', async () => {
    const state = stateOver();
    state.goTo(BLOCK, 10 * PAGE + 5);
    state.want();
    const { sides } = state;
    if (sides === null) throw new Error('no sides');
    await vi.waitFor(() => expect(sides.map((side) => side.stateAt(10 * PAGE))).toEqual(['bytes', 'absent']));
    await vi.waitFor(() => expect(sides[0].row(10 * PAGE, 4)).toEqual(Uint8Array.of(1, 1, 1, 1)));
    expect(sides[1].row(10 * PAGE, 4)).toEqual(new Uint8Array(4));
    expect(sides.map((side) => side.fileOffset(10 * PAGE))).toEqual([2 ** 20 + 10 * PAGE, 3 * 2 ** 20 + 10 * PAGE]);
    expect(sides.map((side) => side.stateAt(PAGES * PAGE))).toEqual(['beyond', 'beyond']);
    await vi.waitFor(() => expect([state.changeOf(10), state.changeOf(3)]).toEqual(['removed', null]));
  });

  it('keep the cursor in view and the rows inside the block', () => {
    const state = stateOver();
    state.move('block-end');
    expect(state.cursor).toBe(PAGES * PAGE - 1);
    expect(state.shown.at(-1)).toMatchObject({ kind: 'bytes', offset: PAGES * PAGE - 16 });
    expect(state.shown).toHaveLength(20);
    state.scrollBy(1000);
    expect(state.shown).toHaveLength(20);
    state.scrollTo(0);
    expect(state.shown[0]).toMatchObject({ kind: 'page', page: 0 });
    state.move('up');
    expect(state.shown.some((row) => row.kind === 'bytes' && row.offset === PAGES * PAGE - 32)).toBe(true);
    state.fit(10_000_000);
    expect(state.shown[0]).toMatchObject({ kind: 'page', page: 0 });
  });
});

describe('the row with the cursor', () => {
  const bytes = (byte: string, at: number, other: string): string =>
    Array.from({ length: 16 }, (_, index) => (index === at ? other : byte)).join(' ');

  it('is copied as both files have it, with the place and what is there instead of bytes', async () => {
    const state = stateOver();
    state.goTo(BLOCK, 3 * PAGE + 100);
    expect(await rowOfBoth(state)).toBe(
      `pc.ram+0x3060\nA  ${bytes('01', 4, '07')}  ${'·'.repeat(16)}\nB  ${bytes('01', 4, '01')}  ${'·'.repeat(16)}\n`,
    );
    state.goTo(BLOCK, 63 * PAGE + 5);
    state.want();
    await vi.waitFor(() => expect(state.sides?.[0].stateAt(state.cursor)).toBe('absent'));
    expect(await rowOfBoth(state)).toBe(
      `pc.ram+0x3f000\nA  Not in this file: zeros in the guest.\nB  ${bytes('09', 0, '09')}  ${'·'.repeat(16)}\n`,
    );
  });

  it('is copied by Ctrl+C, and what is said of it goes with the next place', () => {
    const state = stateOver();
    const copy = vi.fn();
    const key = { key: 'c', ctrlKey: true, altKey: false, metaKey: false };
    expect([pressed(state, key, copy), pressed(state, { ...key, ctrlKey: false }, copy)]).toEqual([true, false]);
    expect(copy).toHaveBeenCalledOnce();
    for (const leave of [() => state.point(40), () => state.move('down'), () => state.goTo(BLOCK, 0)]) {
      state.said = 'The row is copied as A and B have it.';
      leave();
      expect(state.said).toBe('');
    }
  });
});
