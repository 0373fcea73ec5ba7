/**
 * Which rows stand for a stretch of a file: 16 bytes each or as many as the view has columns, except that a hole, left-over bytes of a zero page and a folded
 * run are one row each, and that a row without bytes opens each page.
 *
 * Rows are never counted: a 128 GiB file has eight thousand million of them. They are walked, from the row that holds an
 * offset to its neighbours, within the segments at hand.
 */
import type { Segment } from '@shared/contracts/inspector-port';

/** Bytes in a row, one of these: powers of two, so that rows and pages begin together. */
export const ROW_WIDTHS = [8, 16, 32, 64] as const;
export type RowWidth = (typeof ROW_WIDTHS)[number];
/** Rows of a page shown before the rest is folded. */
const PAGE_HEAD_ROWS = 10;
/** Whole rows of any other long field shown before the rest is folded. */
const FIELD_HEAD_ROWS = 2;
/** Fewer rows than this are shown rather than folded. */
const LEAST_FOLDED_ROWS = 8;

/** A field, long enough to be folded. Ascending and apart; never inside a page region. */
export interface LongField {
  readonly from: number;
  readonly to: number;
  readonly title: string;
}

export type Row =
  | {
      readonly kind: 'bytes';
      readonly from: number;
      readonly to: number;
      readonly segment: Segment;
      /** Offset of its first cell, which may lie before `from`; a multiple of `width`. */
      readonly base: number;
      /** Cells. */
      readonly width: RowWidth;
    }
  /** No bytes on disk. */
  | { readonly kind: 'hole'; readonly from: number; readonly to: number; readonly segment: Segment }
  /** Bytes on disk under pages that the bitmap calls zero. */
  | { readonly kind: 'stale'; readonly from: number; readonly to: number; readonly segment: Segment }
  | {
      readonly kind: 'fold';
      readonly from: number;
      readonly to: number;
      readonly segment: Segment;
      /** Of what the rest is folded; null for a page, which `segment` names. */
      readonly title: string | null;
    }
  /** Opens a page; holds no bytes: `to` equals `from`. */
  | { readonly kind: 'page'; readonly from: number; readonly to: number; readonly segment: Segment };

/** A row's identity: two rows begin at one offset where a page opens. */
export interface RowKey {
  readonly from: number;
  readonly opening: boolean;
}

export const keyOf = (row: Row): RowKey => ({ from: row.from, opening: row.kind === 'page' });
export const rowOffset = (offset: number, width: RowWidth): number => offset - (offset % width);
const roundUp = (offset: number, width: RowWidth): number => rowOffset(offset + width - 1, width);
const endOf = (segment: Segment): number => segment.offset + segment.length;

export interface RowRules {
  readonly width: RowWidth;
  /** Fold the rest of pages and of long fields. */
  readonly fold: boolean;
  /** Rows (by `from`) that a person opened, whatever `fold` says. */
  readonly opened: ReadonlySet<number>;
  readonly longFields: readonly LongField[];
}

/** The last element whose key is at most `value`, in an ascending list; −1 when there is none. */
export function lastAtMost<T>(list: readonly T[], value: number, key: (item: T) => number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    const item = list[middle];
    if (item !== undefined && key(item) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The part of a long field that folds: after the head, up to the row that holds its last byte. */
export function foldOfField(field: LongField, width: RowWidth): { from: number; to: number } | null {
  const from = roundUp(field.from, width) + FIELD_HEAD_ROWS * width;
  const to = rowOffset(field.to - 1, width);
  return to - from < LEAST_FOLDED_ROWS * width ? null : { from, to };
}

/** Rows over consecutive segments. */
export class Rows {
  constructor(
    readonly segments: readonly Segment[],
    readonly rules: RowRules,
  ) {}

  get from(): number {
    return this.segments[0]?.offset ?? 0;
  }

  get to(): number {
    const last = this.segments.at(-1);
    return last === undefined ? 0 : endOf(last);
  }

  segmentAt(offset: number): Segment | null {
    const segment = this.segments[lastAtMost(this.segments, offset, (item) => item.offset)];
    return segment !== undefined && offset < endOf(segment) ? segment : null;
  }

  /** The row that holds the byte at `offset`; null outside the segments at hand. */
  at(offset: number): Row | null {
    const segment = this.segmentAt(offset);
    return segment === null ? null : this.#rowIn(segment, offset);
  }

  /** The row with this identity, or the one that holds its offset now. */
  find(key: RowKey): Row | null {
    const row = this.at(key.from);
    return row !== null && key.opening && this.#opensPage(row) ? pageRow(row) : row;
  }

  after(row: Row): Row | null {
    if (row.kind === 'page') return this.at(row.from);
    const next = this.at(row.to);
    return next !== null && this.#opensPage(next) ? pageRow(next) : next;
  }

  before(row: Row): Row | null {
    if (row.kind !== 'page' && this.#opensPage(row)) return pageRow(row);
    return row.from === 0 ? null : this.at(row.from - 1);
  }

  #rowIn(segment: Segment, offset: number): Row {
    const end = endOf(segment);
    if (segment.kind === 'hole') return { kind: 'hole', from: segment.offset, to: end, segment };
    if (segment.pages === null) return this.#fieldRow(segment, offset);
    if (!segment.pages.present && !this.rules.opened.has(segment.offset))
      return { kind: 'stale', from: segment.offset, to: end, segment };
    const page = pageBounds(segment, offset);
    const { width } = this.rules;
    const foldFrom = roundUp(page.from, width) + PAGE_HEAD_ROWS * width;
    if (page.to - foldFrom >= LEAST_FOLDED_ROWS * width && this.#folds(foldFrom)) {
      if (offset >= foldFrom) return { kind: 'fold', from: foldFrom, to: page.to, segment, title: null };
      return bytesRow(segment, offset, page.from, foldFrom, width);
    }
    return bytesRow(segment, offset, page.from, page.to, width);
  }

  #fieldRow(segment: Segment, offset: number): Row {
    const field = this.rules.longFields[lastAtMost(this.rules.longFields, offset, (item) => item.from)];
    const fold = field === undefined ? null : foldOfField(field, this.rules.width);
    if (field !== undefined && fold !== null && offset >= fold.from && offset < fold.to) {
      const from = Math.max(fold.from, segment.offset);
      const to = Math.min(fold.to, endOf(segment));
      if (this.#folds(from)) return { kind: 'fold', from, to, segment, title: field.title };
    }
    return bytesRow(segment, offset, segment.offset, endOf(segment), this.rules.width);
  }

  #folds(from: number): boolean {
    return this.rules.fold && !this.rules.opened.has(from);
  }

  #opensPage(row: Row): boolean {
    if (row.kind === 'hole' || row.kind === 'stale' || row.segment.pages === null) return false;
    return row.from === pageBounds(row.segment, row.from).from;
  }
}

const pageRow = (row: Row): Row => ({ kind: 'page', from: row.from, to: row.from, segment: row.segment });

function bytesRow(segment: Segment, offset: number, least: number, most: number, width: RowWidth): Row {
  const base = rowOffset(offset, width);
  return { kind: 'bytes', from: Math.max(base, least), to: Math.min(base + width, most), segment, base, width };
}

/** The part of the page around `offset` that lies in the segment. */
function pageBounds(segment: Segment, offset: number): { from: number; to: number } {
  if (segment.pages === null) return { from: segment.offset, to: endOf(segment) };
  const { pageSize, pagesOffset } = segment.pages;
  const start = pagesOffset + Math.floor((offset - pagesOffset) / pageSize) * pageSize;
  return { from: Math.max(start, segment.offset), to: Math.min(start + pageSize, endOf(segment)) };
}

/** Rows that stand inside `rows`' span, from the given one on; fewer where the span ends. */
export function rowsFrom(rows: Rows, top: RowKey, count: number): Row[] {
  const found: Row[] = [];
  for (let row = rows.find(top); row !== null && found.length < count; row = rows.after(row)) found.push(row);
  return found;
}

/** Whether these are the same rows of one file, as far as can be seen. */
export const areSame = (some: readonly Row[], others: readonly Row[]): boolean =>
  some.length === others.length && some.every((row, index) => isSame(row, others[index]));

function isSame(row: Row, other: Row | undefined): boolean {
  if (other?.kind !== row.kind || other.from !== row.from || other.to !== row.to) return false;
  const [{ offset, length }, segment] = [row.segment, other.segment];
  if (segment.offset !== offset || segment.length !== length) return false;
  return row.kind !== 'bytes' || (other.kind === 'bytes' && row.width === other.width);
}

/** The row `steps` before (negative) or after `row`; stops at the end of the span, and says whether it had to. */
export function step(rows: Rows, row: Row, steps: number): { readonly row: Row; readonly stopped: boolean } {
  let here = row;
  for (let done = 0; done < Math.abs(steps); done += 1) {
    const next = steps < 0 ? rows.before(here) : rows.after(here);
    if (next === null) return { row: here, stopped: true };
    here = next;
  }
  return { row: here, stopped: false };
}
