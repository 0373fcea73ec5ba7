/** One row of bytes as cells: what is written in each, and how it looks. */
import { asciiChar, byteClass, hexByte, type ByteClass } from './byte-text';
import type { Selection } from './hex-state.svelte';
import { lastAtMost, type Row } from './rows';
import { swatchOf, type Leaf } from '../tree/structure';

export interface Cell {
  /** Both are empty for `absent` and `blank`. */
  readonly hex: string;
  readonly ascii: string;
  /** `absent`: outside the row; `blank`: its byte has not come yet. */
  readonly kind: ByteClass | 'absent' | 'blank';
  /** Name of the colour of the structure it belongs to; in the hex pane alone, as `starts` is. */
  readonly swatch: string | null;
  /** A field starts here, inside the row. */
  readonly starts: boolean;
  readonly selected: boolean;
  readonly cursor: boolean;
  /** Of the field that decides where the cursor's byte is. */
  readonly decides: boolean;
}

/** What is drawn over the bytes. */
export interface Marks {
  /** Leaves that touch the row, by offset; empty when the structure is not shown. */
  readonly leaves: readonly Leaf[];
  readonly selection: Selection;
  readonly cursor: number;
  /** The field that decides where the cursor's byte is. */
  readonly decider: { readonly from: number; readonly to: number } | null;
}

const UNMARKED = { swatch: null, starts: false, selected: false, cursor: false, decides: false } as const;
const ABSENT: Cell = { ...UNMARKED, hex: '', ascii: '', kind: 'absent' };

/** A byte with nothing drawn over it. */
export const plainCell = (byte: number): Cell => ({
  ...UNMARKED,
  hex: hexByte(byte),
  ascii: asciiChar(byte),
  kind: byteClass(byte),
});

function structureAt(offset: number, rowFrom: number, leaves: readonly Leaf[]): Pick<Cell, 'swatch' | 'starts'> {
  const leaf = leaves[lastAtMost(leaves, offset, ({ node }) => node.offset)];
  const isOver = leaf !== undefined && leaf.kind !== 'pages' && offset < leaf.node.offset + leaf.node.length;
  const swatch = isOver ? swatchOf(leaf.kind) : null;
  return { swatch, starts: swatch !== null && offset === leaf?.node.offset && offset > rowFrom };
}

function marksAt(offset: number, marks: Marks): Pick<Cell, 'selected' | 'cursor' | 'decides'> {
  const { selection, cursor, decider } = marks;
  const { from, to } = selection;
  return {
    selected: offset >= from && offset < to && to - from > 1,
    cursor: offset === cursor,
    decides: decider !== null && offset >= decider.from && offset < decider.to,
  };
}

export type ByteRow = Extract<Row, { kind: 'bytes' }>;

/**
 * As many cells as the row is wide; those outside the row are absent, those whose bytes have not come yet are blank. `texts`:
 * what the text pane has for each byte; null: ASCII.
 */
export function cellsOf(
  row: ByteRow,
  bytes: Uint8Array | null,
  marks: Marks,
  texts: readonly string[] | null = null,
): readonly Cell[] {
  const { base } = row;
  return Array.from({ length: row.width }, (_, column): Cell => {
    const offset = base + column;
    if (offset < row.from || offset >= row.to) return ABSENT;
    const look = { ...structureAt(offset, base, marks.leaves), ...marksAt(offset, marks) };
    const byte = bytes?.[offset - row.from];
    if (byte === undefined) return { ...look, hex: '', ascii: '', kind: 'blank' };
    const ascii = texts?.[offset - row.from] ?? asciiChar(byte);
    return { ...look, hex: hexByte(byte), ascii, kind: byteClass(byte) };
  });
}

/** What the cells of a row say in one pane, for whoever cannot look at them: nothing of those that are not there. */
export const saidBy = (cells: readonly Cell[], pane: 'hex' | 'ascii'): string =>
  cells.some(({ kind }) => kind === 'blank')
    ? 'not read yet'
    : cells
        .filter(({ kind }) => kind !== 'absent')
        .map((cell) => cell[pane])
        .join(pane === 'hex' ? ' ' : '');
