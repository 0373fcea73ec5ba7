import {
  OVERVIEW_COUNTS,
  PAGE_CLASSES,
  PAGE_FLAGS,
  type PageFacts,
  type PageOverview,
  type PageTotals,
} from '@shared/contracts/inspector-pages';
import { classOf, levelOf, LEVEL_STEP } from '@shared/contracts/page-scan';
import { takingTurns, type Turn } from '../../io/turns';
import { bitWords, clearWhere, countBits, hasBit, nearestBit, setBit, setBits, setWhere, setWhereNot } from './bits';

/** What is found by scans, or told by others; made when the first page has it. */
type FoundFlag = 'mismatch' | 'duplicate' | 'changed';

/** Pages that are counted before others may have their turn: some tenths of a millisecond. */
const MOST_COUNTED = 2 ** 20;

type CountedKind = (typeof OVERVIEW_COUNTS)[number];

/**
 * Everything known of the pages of one block: a bit for each fact, a byte for class and entropy. 33.5 million pages (128 GiB)
 * take at most 20 MiB and 32 MiB; memory that was never written is no memory.
 */
export class BlockFacts {
  readonly name: string;
  readonly pages: number;
  readonly pageSize: number;
  /** Where page 0 is in the file. */
  readonly pagesOffset: number;
  readonly present: Uint32Array;
  readonly #data: Uint32Array;
  readonly #found: Record<FoundFlag, Uint32Array | null> = { mismatch: null, duplicate: null, changed: null };
  #looks: Uint8Array | null = null;

  /** `present`: a bit for each page, 0 past the last one. */
  constructor(
    place: { readonly name: string; readonly pages: number; readonly pageSize: number; readonly pagesOffset: number },
    present: Uint32Array,
  ) {
    ({ name: this.name, pages: this.pages, pageSize: this.pageSize, pagesOffset: this.pagesOffset } = place);
    this.present = present;
    this.#data = present.slice();
  }

  /** Marks pages from `from` to before `to`, cut to the block. */
  mark(flag: FoundFlag, from: number, to: number): void {
    setBits((this.#found[flag] ??= bitWords(this.pages)), from, Math.min(to, this.pages));
  }

  markPage(flag: FoundFlag, page: number): void {
    setBit((this.#found[flag] ??= bitWords(this.pages)), page);
  }

  /** Marks those from `from` to before `to` that are present. */
  markPresent(flag: FoundFlag, from: number, to: number): void {
    setWhere((this.#found[flag] ??= bitWords(this.pages)), this.present, from, Math.min(to, this.pages));
  }

  /** No page has the flag any more. */
  forget(flag: FoundFlag): void {
    this.#found[flag] = null;
  }

  /** There is a hole under the pages from `from` to before `to`, or under a part of them: the present ones are lost. */
  tellHole(from: number, to: number): void {
    clearWhere(this.#data, this.present, from, Math.min(to, this.pages));
  }

  /** There is data under the pages from `from` to before `to`, or under a part of them: the absent ones are stale. */
  tellData(from: number, to: number): void {
    setWhereNot(this.#data, this.present, from, Math.min(to, this.pages));
  }

  /** Classes and entropies are known from now on, `unknown` until they are told. */
  beginLooks(): void {
    this.#looks ??= new Uint8Array(this.pages);
  }

  /** Class and entropy of pages from `first` on, packed as PageScanApi answers them; 0 changes nothing. */
  tellLooks(first: number, looks: Uint8Array): void {
    const known = (this.#looks ??= new Uint8Array(this.pages));
    for (let at = 0; at < looks.length; at++) {
      const look = looks[at] ?? 0;
      if (look !== 0) known[first + at] = look;
    }
  }

  /** At most the pages that there are. */
  facts(first: number, count: number): PageFacts {
    const end = Math.min(this.pages, first + count);
    const flags = new Uint8Array(Math.max(0, end - first));
    const sets = this.#sets();
    for (let page = first; page < end; page++) {
      let bits = 0;
      for (const { flag, words } of sets) if (hasBit(words, page)) bits |= flag;
      flags[page - first] = bits;
    }
    const looks = this.#looks?.subarray(first, end) ?? null;
    return {
      first,
      flags,
      classes: looks === null ? null : looks.map(classOf),
      entropy: looks === null ? null : looks.map((look) => levelOf(look) * LEVEL_STEP),
    };
  }

  /** Counts between other calls, so that of what a scan tells meanwhile a part may count. */
  async totals(first: number, pages: number): Promise<PageTotals> {
    const from = Math.min(first, this.pages);
    const to = Math.min(this.pages, first + pages);
    const counts = await this.#counts(from, to, Math.max(1, to - from), takingTurns());
    const [present = 0, lost = 0, stale = 0, mismatch = 0, duplicate = 0, changed = 0] = counts;
    return { pages: to - from, present, lost, stale, mismatch, duplicate, changed };
  }

  /** `cells` is at least 1. Counts between other calls, as `totals` does. */
  async overview(first: number, count: number, cells: number): Promise<PageOverview> {
    const end = Math.min(this.pages, first + count);
    const perCell = Math.max(1, Math.ceil(Math.max(0, end - first) / cells));
    const turn = takingTurns();
    const counts = await this.#counts(first, end, perCell, turn);
    return { first, perCell, counts, ...(await this.#looksOver(first, end, perCell, turn)) };
  }

  /** OVERVIEW_COUNTS of cells of `perCell` pages. */
  async #counts(first: number, end: number, perCell: number, turn: Turn): Promise<Uint32Array> {
    const counts = new Uint32Array(Math.ceil(Math.max(0, end - first) / perCell) * OVERVIEW_COUNTS.length);
    // Kind by kind: each is then one loop over the same words.
    for (const [index, kind] of OVERVIEW_COUNTS.entries()) {
      const counted = this.#counted(kind);
      if (counted === null) continue;
      let since = 0;
      for (let from = first; from < end;) {
        const cell = Math.floor((from - first) / perCell);
        const to = Math.min(end, first + (cell + 1) * perCell, from + MOST_COUNTED);
        const at = cell * OVERVIEW_COUNTS.length + index;
        counts[at] = (counts[at] ?? 0) + countBits(counted.words, counted.without, from, to);
        since += to - from;
        from = to;
        if (since < MOST_COUNTED) continue;
        since = 0;
        await turn();
      }
    }
    return counts;
  }

  /** See `InspectorPagesApi.nextPage`; flags that are none of PAGE_FLAGS count for nothing. */
  next(from: number, direction: 1 | -1, set: number, clear: number): number | null {
    const sets = this.#sets();
    const having = (flags: number): Uint32Array[] =>
      sets.filter(({ flag }) => (flags & flag) !== 0).map(({ words }) => words);
    const [wanted, unwanted] = [having(set), having(clear)];
    // A flag that no page has yet has no words either.
    const asked = Object.values(PAGE_FLAGS).filter((flag) => (set & flag) !== 0).length;
    return wanted.length < asked ? null : nearestBit({ wanted, unwanted, pages: this.pages }, from, direction);
  }

  /** The bits that count for a kind: those of `words` that are not in `without`; null while no page is of it. */
  #counted(kind: CountedKind): { readonly words: Uint32Array; readonly without: Uint32Array | null } | null {
    if (kind === 'present') return { words: this.present, without: null };
    if (kind === 'lost') return { words: this.present, without: this.#data };
    if (kind === 'stale') return { words: this.#data, without: this.present };
    const words = this.#found[kind];
    return words === null ? null : { words, without: null };
  }

  #sets(): readonly { readonly flag: number; readonly words: Uint32Array }[] {
    const { mismatch, duplicate, changed } = this.#found;
    const sets = { present: this.present, data: this.#data, mismatch, duplicate, changed };
    return Object.entries(PAGE_FLAGS).flatMap(([name, flag]) => {
      const words = sets[name as keyof typeof PAGE_FLAGS];
      return words === null ? [] : [{ flag, words }];
    });
  }

  async #looksOver(
    first: number,
    end: number,
    perCell: number,
    turn: Turn,
  ): Promise<Pick<PageOverview, 'entropy' | 'classes'>> {
    const looks = this.#looks;
    if (looks === null) return { entropy: null, classes: null };
    const cells = Math.ceil(Math.max(0, end - first) / perCell);
    const [entropy, classes] = [new Uint8Array(cells), new Uint8Array(cells)];
    const found = new Uint32Array(256);
    for (let cell = 0; cell < cells; cell++) {
      const from = first + cell * perCell;
      found.fill(0);
      countLooks(looks, this.present, from, Math.min(end, from + perCell), found);
      [classes[cell], entropy[cell]] = summaryOf(found);
      await turn();
    }
    return { entropy, classes };
  }
}

/** How often each look stands from `from` to before `to`; where no page of 32 is present, there is none. */
function countLooks(looks: Uint8Array, present: Uint32Array, from: number, to: number, found: Uint32Array): void {
  for (let page = from; page < to;) {
    const stop = Math.min(to, page - (page % 32) + 32);
    if (present[page >>> 5] === 0) page = stop;
    for (; page < stop; page++) {
      const look = looks[page] ?? 0;
      found[look] = (found[look] ?? 0) + 1;
    }
  }
}

/** The commonest class and the mean entropy; 0 for both where no page was looked at. */
function summaryOf(found: Uint32Array): readonly [kind: number, entropy: number] {
  const votes = new Array<number>(PAGE_CLASSES.length).fill(0);
  let [known, levels] = [0, 0];
  for (let look = 1; look < found.length; look++) {
    const count = found[look] ?? 0;
    if (count === 0) continue;
    votes[classOf(look)] = (votes[classOf(look)] ?? 0) + count;
    known += count;
    levels += levelOf(look) * count;
  }
  return known === 0 ? [0, 0] : [votes.indexOf(Math.max(...votes)), Math.round((levels * LEVEL_STEP) / known)];
}
