/** What the Pages view says. */
import { hex } from '@shared/bytes/units';
import { OVERVIEW_COUNTS, PAGE_CLASSES, type PageTotals } from '@shared/contracts/inspector-pages';
import type { RamRange } from '@shared/contracts/library';
import {
  PAGE_STATES,
  pageState,
  totalOf,
  type PageState,
  type ShownStates,
  type StateCounts,
} from '@shared/page-state/page-state';
import { STATE_WORDS } from '@shared/page-state/words';
import { count, counted, ram } from '../../lib/format';
import type { CellFacts } from './codes';
import { guestRanges, offsetOfPage, type PageBlock, type PageRange } from './page-block';

/** `present 908, zero 191, stale 40`: the states by their short names, without those that there are none of. */
export function statesText(counts: StateCounts): string {
  const parts = PAGE_STATES.filter((state) => counts[state] > 0).map((state) => `${state} ${count(counts[state])}`);
  return parts.length === 0 ? 'nothing that is shown' : parts.join(', ');
}

export const pagesText = ({ from, to }: PageRange): string =>
  to - from === 1 ? count(from) : `${count(from)} to ${count(to - 1)}`;

/** `0x40240000 to 0x406dffff`, and how much more there is. */
export function guestText(ramMap: readonly RamRange[], block: PageBlock, range: PageRange): string {
  if (ramMap.length === 0) return 'not known: no RAM map';
  const [first, ...more] = guestRanges(ramMap, block, range);
  if (first === undefined) return 'none: no RAM of the guest';
  const text = `${hex(first.from)} to ${hex(first.to - 1)}`;
  return more.length === 0 ? text : `${text}, and ${counted(more.length, 'more range')}`;
}

export const fileText = (block: PageBlock, { from, to }: PageRange): string =>
  `${hex(offsetOfPage(block, from))}, ${hex((to - from) * block.pageSize)} long`;

/** What is told of a cell. */
export interface CellWords {
  /** `Page 262 915`, `Pages 262 144 to 262 159` */
  readonly title: string;
  /** null: nothing is known of it, or nothing that is shown. */
  readonly state: PageState | null;
  readonly word: string;
  readonly sentence: string;
  /** `text, 4.8 bit`; empty when it was not looked at. */
  readonly looks: string;
}

/** `index` of the cell among `facts`; null facts: not read yet. */
export function cellWords(
  range: PageRange,
  facts: { readonly facts: CellFacts; readonly index: number } | null,
  shown: ShownStates,
): CellWords {
  const title = `Page${range.to - range.from === 1 ? '' : 's'} ${pagesText(range)}`;
  if (facts === null) return { title, state: null, word: 'not read yet', sentence: '', looks: '' };
  const looks = looksText(facts);
  const { flags, counts } = facts.facts;
  if (flags !== null) {
    const state = pageState(flags[facts.index] ?? 0, shown);
    const words =
      state === null ? { word: 'not shown', sentence: 'None of the states that it has is shown.' } : STATE_WORDS[state];
    return { title, state, word: words.word, sentence: words.sentence, looks };
  }
  const totals = totalsOfCell(counts, facts.index, range.to - range.from);
  const states = PAGE_STATES.filter((state) => shown.has(state) && totalOf(totals, state) > 0);
  const sentence = states.map((state) => `${state} ${count(totalOf(totals, state))}`).join(', ');
  const rarest = (['lost', 'mismatch', 'stale', 'changed', 'duplicate'] as const).find((state) =>
    states.includes(state),
  );
  const state = rarest ?? states[0] ?? null;
  return { title, state, word: state === null ? 'not shown' : state, sentence, looks };
}

function totalsOfCell(counts: Uint32Array | null, cell: number, pages: number): PageTotals {
  const of = (name: (typeof OVERVIEW_COUNTS)[number]): number =>
    counts?.[cell * OVERVIEW_COUNTS.length + OVERVIEW_COUNTS.indexOf(name)] ?? 0;
  return {
    pages,
    present: of('present'),
    lost: of('lost'),
    stale: of('stale'),
    mismatch: of('mismatch'),
    duplicate: of('duplicate'),
    changed: of('changed'),
  };
}

function looksText({ facts, index }: { readonly facts: CellFacts; readonly index: number }): string {
  const kind = facts.classes?.[index] ?? 0;
  if (kind === 0) return '';
  return `${PAGE_CLASSES[kind] ?? 'other'}, ${((facts.entropy?.[index] ?? 0) / 31).toFixed(1)}\u00a0bit a byte`;
}

/** What a live region says of the cell with the focus. */
export function spoken({ title, word, sentence, looks }: CellWords, one: boolean): string {
  const place = title.charAt(0).toLowerCase() + title.slice(1);
  const what = one ? word : sentence || word;
  return [place, what, looks].filter((part) => part !== '').join(', ');
}

/** A round size as a ruler has it: `512 MiB`, `1.5 GiB`, `2 GiB`. */
export const rulerText = (bytes: number): string =>
  bytes === 0
    ? '0'
    : ram(bytes).replace(/\.(\d*?)0+(?=\u00a0)/, (_, digits: string) => (digits === '' ? '' : `.${digits}`));
