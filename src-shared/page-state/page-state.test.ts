import { describe, expect, it } from 'vitest';
import { OVERVIEW_COUNTS, PAGE_FLAGS } from '../contracts/inspector-pages';
import {
  cellState,
  countStates,
  PAGE_STATES,
  pageState,
  SHOWN_AT_FIRST,
  STATE_PRECEDENCE,
  statesOfTotals,
  totalOf,
  type PageState,
} from './page-state';

const { present, data, mismatch, duplicate, changed } = PAGE_FLAGS;
const ALL = new Set(PAGE_STATES);
const without = (...hidden: readonly PageState[]): Set<PageState> =>
  new Set(PAGE_STATES.filter((state) => !hidden.includes(state)));

describe('a page', () => {
  it.each([
    [0, 'zero'],
    [present | data, 'present'],
    [present, 'lost'],
    [data, 'stale'],
    [present | data | mismatch, 'mismatch'],
    [present | mismatch | changed | duplicate, 'lost'],
    [present | data | mismatch | changed | duplicate, 'mismatch'],
    [data | changed, 'stale'],
    [present | data | changed | duplicate, 'changed'],
    [changed, 'changed'],
    [present | data | duplicate, 'duplicate'],
  ] as const)('with flags %i counts as %s when all states are shown', (flags, state) => {
    expect(pageState(flags, ALL)).toBe(state);
  });

  it('counts as the next state that it has when one is not shown', () => {
    const flags = present | data | mismatch | changed | duplicate;
    const seen: (PageState | null)[] = [];
    for (let shown: Set<PageState> = ALL, left = 5; left > 0; left -= 1) {
      const state = pageState(flags, shown);
      seen.push(state);
      shown = new Set([...shown].filter((other) => other !== state));
    }
    expect(seen).toEqual(['mismatch', 'changed', 'duplicate', 'present', null]);
    expect(pageState(present, without('lost'))).toBe('present');
    // Its bytes are older ones: it is no hole, so it does not become one.
    expect(pageState(data, without('stale'))).toBeNull();
  });

  it('is shown with all states but duplicate at first', () => {
    expect(pageState(present | data | duplicate, SHOWN_AT_FIRST)).toBe('present');
    expect([...STATE_PRECEDENCE].sort()).toEqual([...PAGE_STATES].sort());
  });
});

describe('many pages', () => {
  const flags = Uint8Array.from([0, present, present | data, present | data | changed, data, data, mismatch | present]);

  it('count once each', () => {
    expect(countStates(flags, ALL)).toEqual({
      present: 1,
      zero: 1,
      stale: 2,
      lost: 2,
      mismatch: 0,
      changed: 1,
      duplicate: 0,
    });
    const counts = countStates(flags, without('lost', 'stale'));
    expect(Object.values(counts).reduce((sum, each) => sum + each)).toBe(flags.length - 2);
  });

  it('come out the same from totals when no page has two rare states', () => {
    const totals = { pages: 100, present: 60, lost: 3, stale: 7, mismatch: 2, duplicate: 11, changed: 5 };
    expect(statesOfTotals(totals, SHOWN_AT_FIRST)).toEqual({
      present: 50,
      zero: 33,
      stale: 7,
      lost: 3,
      mismatch: 2,
      changed: 5,
      duplicate: 0,
    });
    expect(totalOf(totals, 'zero')).toBe(33);
    expect(totalOf(totals, 'present')).toBe(60);
  });

  it('are as rare as their rarest page in a cell of an overview', () => {
    const counts = (over: Partial<Record<(typeof OVERVIEW_COUNTS)[number], number>>): Uint32Array =>
      Uint32Array.from([0, 0, ...OVERVIEW_COUNTS.map((name) => over[name] ?? 0)]);
    expect(cellState(counts({}), 2, 64, ALL)).toBe('zero');
    expect(cellState(counts({ present: 1 }), 2, 64, ALL)).toBe('present');
    expect(cellState(counts({ present: 64, changed: 3, duplicate: 60 }), 2, 64, ALL)).toBe('changed');
    expect(cellState(counts({ present: 64, lost: 1, changed: 3 }), 2, 64, ALL)).toBe('lost');
    expect(cellState(counts({ present: 64, lost: 1, changed: 3 }), 2, 64, without('lost', 'changed'))).toBe('present');
    expect(cellState(counts({ stale: 64 }), 2, 64, without('stale'))).toBeNull();
  });
});
