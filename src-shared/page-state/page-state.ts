/** What a page counts as: its facts, and the layers that are shown, come down to one state. Window and command line share it. */
import { OVERVIEW_COUNTS, PAGE_FLAGS, type PageTotals } from '../contracts/inspector-pages';

/** The states in the order in which they are listed. */
export const PAGE_STATES = ['present', 'zero', 'stale', 'lost', 'mismatch', 'changed', 'duplicate'] as const;
export type PageState = (typeof PAGE_STATES)[number];

/** Which state a page that has several of them counts as: the first of these. */
export const STATE_PRECEDENCE: readonly PageState[] = [
  'lost',
  'mismatch',
  'stale',
  'changed',
  'duplicate',
  'present',
  'zero',
];

/** A page has a state when its flags have all of `set` and none of `clear`, as `InspectorPagesApi.nextPage` takes them. */
export interface FlagRule {
  readonly set: number;
  readonly clear: number;
}

const { present, data, mismatch, duplicate, changed } = PAGE_FLAGS;

export const STATE_RULES: Readonly<Record<PageState, FlagRule>> = {
  present: { set: present, clear: 0 },
  zero: { set: 0, clear: present | data },
  stale: { set: data, clear: present },
  lost: { set: present, clear: data },
  mismatch: { set: mismatch, clear: 0 },
  changed: { set: changed, clear: 0 },
  duplicate: { set: duplicate, clear: 0 },
};

/** The states that count. One that is not shown leaves its pages to the next state they have. */
export type ShownStates = ReadonlySet<PageState>;

/** Duplicates are no fault and many: they are shown on demand. */
export const SHOWN_AT_FIRST: ShownStates = new Set(PAGE_STATES.filter((state) => state !== 'duplicate'));

export const hasState = (flags: number, state: PageState): boolean => {
  const { set, clear } = STATE_RULES[state];
  return (flags & set) === set && (flags & clear) === 0;
};

/** The state of a page with these PAGE_FLAGS; null when none that it has is shown. */
export const pageState = (flags: number, shown: ShownStates): PageState | null =>
  STATE_PRECEDENCE.find((state) => shown.has(state) && hasState(flags, state)) ?? null;

export type StateCounts = Readonly<Record<PageState, number>>;

/** How many pages count as what; a page counts once, one without a shown state not at all. */
export function countStates(flags: Uint8Array, shown: ShownStates): StateCounts {
  const counts = noStates();
  const perFlags = new Uint32Array(256);
  for (const each of flags) perFlags[each] = (perFlags[each] ?? 0) + 1;
  perFlags.forEach((pages, each) => {
    const state = pages === 0 ? null : pageState(each, shown);
    if (state !== null) counts[state] += pages;
  });
  return counts;
}

/**
 * The same from totals, in which states overlap. Where a page has two of the rare states, it is taken for a page with each of
 * them, so that present comes out too low by as many.
 */
export function statesOfTotals(totals: PageTotals, shown: ShownStates): StateCounts {
  const counts = noStates();
  let left = totals.present;
  for (const state of ['lost', 'mismatch', 'changed', 'duplicate'] as const) {
    if (!shown.has(state)) continue;
    counts[state] = totals[state];
    left -= Math.min(left, totals[state]);
  }
  if (shown.has('stale')) counts.stale = totals.stale;
  if (shown.has('present')) counts.present = left;
  if (shown.has('zero')) counts.zero = totals.pages - totals.present - totals.stale;
  return counts;
}

/** How many pages of a stretch have a state, whatever else they have. */
export const totalOf = (totals: PageTotals, state: PageState): number =>
  state === 'zero' ? totals.pages - totals.present - totals.stale : totals[state];

/** What a cell that stands for many pages counts as, from the counts of an overview that begin at `at`: a rare state always wins. */
export function cellState(counts: Uint32Array, at: number, pages: number, shown: ShownStates): PageState | null {
  const of = (name: (typeof OVERVIEW_COUNTS)[number]): number => counts[at + OVERVIEW_COUNTS.indexOf(name)] ?? 0;
  for (const state of STATE_PRECEDENCE) {
    if (!shown.has(state)) continue;
    const count = state === 'zero' ? pages - of('present') - of('stale') : of(state);
    if (count > 0) return state;
  }
  return null;
}

const noStates = (): Record<PageState, number> => ({
  present: 0,
  zero: 0,
  stale: 0,
  lost: 0,
  mismatch: 0,
  changed: 0,
  duplicate: 0,
});
