import {
  OVERVIEW_COUNTS,
  PAGE_CLASSES,
  PAGE_FLAGS,
  type PageFacts,
  type PageOverview,
  type PageTotals,
} from '@shared/contracts/inspector-pages';
import { classOf, levelOf, LEVEL_STEP } from '@shared/contracts/page-scan';
import { bitWords, clearWhere, countBits, hasBit, nearestBit, setBit, setBits, setWhere, setWhereNot } from './bits';

/** What is found by scans, or told by others; made when the first page has it. */
type FoundFlag = 'mismatch' | 'duplicate' | 'changed';

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

  totals(first: number, count: number): PageTotals {
    const from = Math.min(first, this.pages);
    const to = Math.min(this.pages, first + count);
    const found = (flag: FoundFlag): number => {
      const words = this.#found[flag];
      return words === null ? 0 : countBits(words, null, from, to);
    };
    return {
      pages: to - from,
      present: countBits(this.present, null, from, to),
      lost: countBits(this.present, this.#data, from, to),
      stale: countBits(this.#data, this.present, from, to),
      mismatch: found('mismatch'),
      duplicate: found('duplicate'),
      changed: found('changed'),
    };
  }

  /** `cells` is at least 1. */
  overview(first: number, count: number, cells: number): PageOverview {
    const end = Math.min(this.pages, first + count);
    const pages = Math.max(0, end - first);
    const perCell = Math.max(1, Math.ceil(pages / cells));
    const counts = new Uint32Array(Math.ceil(pages / perCell) * OVERVIEW_COUNTS.length);
    for (let cell = 0; cell * perCell < pages; cell++) {
      const from = first + cell * perCell;
      const totals = this.totals(from, Math.min(perCell, end - from));
      for (const [index, kind] of OVERVIEW_COUNTS.entries())
        counts[cell * OVERVIEW_COUNTS.length + index] = totals[kind];
    }
    return { first, perCell, counts, ...this.#looksOver(first, end, perCell) };
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

  #sets(): readonly { readonly flag: number; readonly words: Uint32Array }[] {
    const { mismatch, duplicate, changed } = this.#found;
    const sets = { present: this.present, data: this.#data, mismatch, duplicate, changed };
    return Object.entries(PAGE_FLAGS).flatMap(([name, flag]) => {
      const words = sets[name as keyof typeof PAGE_FLAGS];
      return words === null ? [] : [{ flag, words }];
    });
  }

  #looksOver(first: number, end: number, perCell: number): Pick<PageOverview, 'entropy' | 'classes'> {
    const looks = this.#looks;
    if (looks === null) return { entropy: null, classes: null };
    const cells = Math.ceil(Math.max(0, end - first) / perCell);
    const [entropy, classes] = [new Uint8Array(cells), new Uint8Array(cells)];
    const votes = new Uint32Array(PAGE_CLASSES.length);
    for (let cell = 0; cell < cells; cell++) {
      const from = first + cell * perCell;
      const to = Math.min(end, from + perCell);
      votes.fill(0);
      let [known, levels] = [0, 0];
      for (let page = from; page < to; page++) {
        const look = looks[page] ?? 0;
        if (look === 0) continue;
        const kind = classOf(look);
        votes[kind] = (votes[kind] ?? 0) + 1;
        known += 1;
        levels += levelOf(look);
      }
      if (known === 0) continue;
      entropy[cell] = Math.round((levels * LEVEL_STEP) / known);
      classes[cell] = votes.indexOf(Math.max(...votes));
    }
    return { entropy, classes };
  }
}
