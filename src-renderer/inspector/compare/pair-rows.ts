/**
 * The rows of two files side by side: for each page of a block one row that opens it, then its bytes, 16 to a row. Both files
 * have the same rows, so that the panes are always in step. Rows are numbered, never listed.
 */
export const ROW_BYTES = 16;

/** A block as the rows see it: of the longer one of the two. */
export interface PairBlock {
  readonly name: string;
  readonly pageSize: number;
  readonly pages: number;
}

export type PairRow =
  | { readonly kind: 'page'; readonly number: number; readonly page: number }
  /** Bytes `offset` … `offset + 15` of the block. */
  | { readonly kind: 'bytes'; readonly number: number; readonly page: number; readonly offset: number };

export const rowsOfPage = ({ pageSize }: PairBlock): number => 1 + Math.ceil(pageSize / ROW_BYTES);
export const rowCount = (block: PairBlock): number => block.pages * rowsOfPage(block);
export const lengthOf = ({ pages, pageSize }: PairBlock): number => pages * pageSize;

/** The row that shows a byte of the block. */
export function rowOf(block: PairBlock, offset: number): number {
  const page = Math.floor(offset / block.pageSize);
  return page * rowsOfPage(block) + 1 + Math.floor((offset - page * block.pageSize) / ROW_BYTES);
}

/** Up to `count` rows from number `top` on. */
export function rowsAt(block: PairBlock, top: number, count: number): readonly PairRow[] {
  const each = rowsOfPage(block);
  const length = Math.max(0, Math.min(count, rowCount(block) - top));
  return Array.from({ length }, (_, index): PairRow => {
    const number = top + index;
    const page = Math.floor(number / each);
    const line = number - page * each;
    if (line === 0) return { kind: 'page', number, page };
    return { kind: 'bytes', number, page, offset: page * block.pageSize + (line - 1) * ROW_BYTES };
  });
}

export type PairMove =
  'left' | 'right' | 'up' | 'down' | 'page-up' | 'page-down' | 'row-start' | 'row-end' | 'block-start' | 'block-end';

/** Where a key takes the cursor; `screen`: rows that a page key moves by. */
export function movedTo(block: PairBlock, cursor: number, move: PairMove, screen: number): number {
  const last = lengthOf(block) - 1;
  const column = cursor % ROW_BYTES;
  const to = {
    left: cursor - 1,
    right: cursor + 1,
    up: cursor - ROW_BYTES,
    down: cursor + ROW_BYTES,
    'page-up': cursor - screen * ROW_BYTES,
    'page-down': cursor + screen * ROW_BYTES,
    'row-start': cursor - column,
    'row-end': cursor - column + ROW_BYTES - 1,
    'block-start': 0,
    'block-end': last,
  }[move];
  return Math.min(Math.max(0, to), Math.max(0, last));
}
