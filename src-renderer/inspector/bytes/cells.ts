/** One row of bytes as cells: what is written, and the class names that colour it. */
import { asciiChar, byteClass, hexByte } from './byte-text';
import type { Selection } from './hex-state.svelte';
import { lastAtMost, type Row } from './rows';
import { swatchOf, type Leaf } from '../tree/structure';

export interface Cell {
  readonly hex: string;
  readonly ascii: string;
  readonly hexClass: string;
  readonly asciiClass: string;
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

const absent: Cell = { hex: '', ascii: '', hexClass: 'absent', asciiClass: 'absent' };

function structureClass(offset: number, rowFrom: number, marks: Marks): string {
  if (marks.leaves.length === 0) return '';
  const leaf = marks.leaves[lastAtMost(marks.leaves, offset, ({ node }) => node.offset)];
  if (leaf === undefined || offset >= leaf.node.offset + leaf.node.length) return '';
  const swatch = leaf.kind === 'pages' ? null : swatchOf(leaf.kind);
  if (swatch === null) return '';
  return ` tinted k-${swatch}${offset === leaf.node.offset && offset > rowFrom ? ' starts' : ''}`;
}

function markClass(offset: number, marks: Marks): string {
  const { from, to } = marks.selection;
  let names = '';
  if (offset >= from && offset < to && to - from > 1) names += ' selected';
  if (offset === marks.cursor) names += ' cursor';
  if (marks.decider !== null && offset >= marks.decider.from && offset < marks.decider.to) names += ' decides';
  return names;
}

/** Whether any byte of the row can have a mark of its own. */
function touches({ from, to }: Row, { selection, cursor, decider }: Marks): boolean {
  const [selected, decides] = [
    selection.from < to && selection.to > from,
    decider !== null && decider.from < to && decider.to > from,
  ];
  return selected || decides || (cursor >= from && cursor < to);
}

export type ByteRow = Extract<Row, { kind: 'bytes' }>;

/**
 * As many cells as the row is wide; those outside the row are empty, those whose bytes have not come yet are blank. `texts`:
 * what the text pane has for each byte; null: ASCII.
 */
export function cellsOf(
  row: ByteRow,
  bytes: Uint8Array | null,
  marks: Marks,
  texts: readonly string[] | null = null,
): readonly Cell[] {
  const { base } = row;
  const isMarked = touches(row, marks);
  return Array.from({ length: row.width }, (_, column): Cell => {
    const offset = base + column;
    if (offset < row.from || offset >= row.to) return absent;
    const over = isMarked ? markClass(offset, marks) : '';
    const under = structureClass(offset, base, marks);
    const byte = bytes?.[offset - row.from];
    if (byte === undefined) return { hex: '', ascii: '', hexClass: `blank${under}${over}`, asciiClass: `blank${over}` };
    const kind = byteClass(byte);
    return {
      hex: hexByte(byte),
      ascii: texts?.[offset - row.from] ?? asciiChar(byte),
      hexClass: kind + under + over,
      asciiClass: kind + over,
    };
  });
}
