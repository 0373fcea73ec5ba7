/** What is in a stretch of pages: how many of which state, class and entropy. */
import {
  MAX_PAGES,
  OVERVIEW_COUNTS,
  PAGE_CLASSES,
  type InspectorPagesApi,
  type PageTotals,
} from '@shared/contracts/inspector-pages';
import {
  countStates,
  STATE_RULES,
  statesOfTotals,
  type PageState,
  type ShownStates,
  type StateCounts,
} from '@shared/page-state/page-state';
import { SHADES } from './codes';
import type { PageRange } from './page-block';

/** Cells of the overview by which a long stretch is told. */
const OVERVIEW_CELLS = 4096;

export interface Summary {
  readonly block: string;
  readonly range: PageRange;
  readonly totals: PageTotals;
  readonly states: StateCounts;
  /** The first page of each state that is a finding. */
  readonly first: Readonly<Partial<Record<PageState, number>>>;
  /** Present pages of each of PAGE_CLASSES; null while no scan was begun. */
  readonly classes: readonly number[] | null;
  /** Present pages whose class is known, by entropy in SHADES steps from 0 to 8 bit; null as `classes`. */
  readonly entropy: readonly number[] | null;
  /** Of a long stretch, classes and entropies are those of cells, each taken for that of all its present pages. */
  readonly exact: boolean;
}

export interface SummaryQuestion {
  readonly block: string;
  readonly range: PageRange;
  readonly shown: ShownStates;
}

type Api = Pick<InspectorPagesApi, 'pages' | 'totals' | 'overview' | 'nextPage'>;

/** The states whose first page is told. */
const FINDINGS = ['lost', 'mismatch', 'stale'] as const;

/** Asks for as much as one call answers, or for totals and an overview. */
export async function summaryOf(api: Api, question: SummaryQuestion): Promise<Summary> {
  const { block, range, shown } = question;
  const count = range.to - range.from;
  const totals = await api.totals(block, range.from, count);
  const first: Partial<Record<PageState, number>> = {};
  for (const state of FINDINGS) {
    const { set, clear } = STATE_RULES[state];
    const page = totals[state] === 0 ? null : await api.nextPage(block, range.from, 1, set, clear);
    if (page !== null) first[state] = page;
  }
  const common = { block, range, totals, first };
  if (count <= MAX_PAGES) {
    const { flags, classes, entropy } = await api.pages(block, range.from, count);
    return { ...common, states: countStates(flags, shown), ...looksOf(classes, entropy, () => 1), exact: true };
  }
  const overview = await api.overview(block, range.from, count, OVERVIEW_CELLS);
  const present = OVERVIEW_COUNTS.indexOf('present');
  const pagesOf = (cell: number): number => overview.counts[cell * OVERVIEW_COUNTS.length + present] ?? 0;
  const looks = looksOf(overview.classes, overview.entropy, pagesOf);
  return { ...common, states: statesOfTotals(totals, shown), ...looks, exact: false };
}

function looksOf(
  classes: Uint8Array | null,
  entropy: Uint8Array | null,
  pagesOf: (cell: number) => number,
): Pick<Summary, 'classes' | 'entropy'> {
  if (classes === null || entropy === null) return { classes: null, entropy: null };
  const perClass = Array<number>(PAGE_CLASSES.length).fill(0);
  const perLevel = Array<number>(SHADES).fill(0);
  classes.forEach((index, cell) => {
    const pages = pagesOf(cell);
    perClass[index] = (perClass[index] ?? 0) + pages;
    const level = Math.min(SHADES - 1, Math.floor((entropy[cell] ?? 0) / 8));
    if (index !== 0) perLevel[level] = (perLevel[level] ?? 0) + pages;
  });
  return { classes: perClass, entropy: perLevel };
}

/** The summary of what is wanted last; one question is under way at a time, and those that were overtaken are not asked. */
export class SummaryState {
  readonly #api: Api;
  readonly #onFailure: (error: unknown) => void;
  #next: SummaryQuestion | null = null;
  #asking = false;
  #wanted = 0;

  /** Of what was answered last. */
  value = $state.raw<Summary | null>(null);

  constructor(api: Api, onFailure: (error: unknown) => void) {
    this.#api = api;
    this.#onFailure = onFailure;
  }

  /** null: nothing is wanted any more. */
  want(question: SummaryQuestion | null): void {
    this.#next = question;
    this.#wanted += 1;
    if (question === null) this.value = null;
    if (!this.#asking) void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    try {
      for (let question = this.#next; question !== null; question = this.#next) {
        this.#next = null;
        const wanted = this.#wanted;
        const value = await summaryOf(this.#api, question);
        if (wanted === this.#wanted) this.value = value;
      }
    } catch (error) {
      this.#onFailure(error);
    } finally {
      this.#asking = false;
    }
  }
}
