/** Where a key takes the cursor, within the rows at hand. */
import type { Row, Rows } from './rows';

export type Move = 'left' | 'right' | 'up' | 'down' | 'page-up' | 'page-down' | 'row-start' | 'row-end';

/** `beyond`: the rows at hand end before the move does; the offset is as far as it got. */
export interface Moved {
  readonly offset: number;
  readonly beyond: boolean;
}

/** Rows the cursor can be in: not those that open a page. */
function neighbour(rows: Rows, row: Row, direction: 1 | -1): Row | null {
  const next = direction === 1 ? rows.after(row) : rows.before(row);
  if (next?.kind !== 'page') return next;
  return direction === 1 ? rows.after(next) : rows.before(next);
}

function vertical(rows: Rows, cursor: number, steps: number, column: number): Moved {
  const start = rows.at(cursor);
  if (start === null) return { offset: cursor, beyond: true };
  let row = start;
  for (let done = 0; done < Math.abs(steps); done += 1) {
    const next = neighbour(rows, row, steps < 0 ? -1 : 1);
    if (next === null) return { offset: row === start ? cursor : inRow(row, column), beyond: true };
    row = next;
  }
  return { offset: inRow(row, column), beyond: false };
}

/** The byte of a row in a column; a row that stands for many bytes has one place for the cursor, its first. */
function inRow(row: Row, column: number): number {
  if (row.kind !== 'bytes') return row.from;
  return Math.min(Math.max(row.base + column, row.from), row.to - 1);
}

function horizontal(rows: Rows, cursor: number, direction: 1 | -1): Moved {
  const row = rows.at(cursor);
  if (row === null) return { offset: cursor, beyond: true };
  const next = cursor + direction;
  if (row.kind === 'bytes' && next >= row.from && next < row.to) return { offset: next, beyond: false };
  const other = neighbour(rows, row, direction);
  if (other === null) return { offset: cursor, beyond: true };
  return { offset: direction === 1 || other.kind !== 'bytes' ? other.from : other.to - 1, beyond: false };
}

/** `column` is the one that moves up and down keep; `pageRows` what a page key moves by. */
export function moved(rows: Rows, cursor: number, move: Move, column: number, pageRows: number): Moved {
  switch (move) {
    case 'left':
      return horizontal(rows, cursor, -1);
    case 'right':
      return horizontal(rows, cursor, 1);
    case 'up':
      return vertical(rows, cursor, -1, column);
    case 'down':
      return vertical(rows, cursor, 1, column);
    case 'page-up':
      return vertical(rows, cursor, -pageRows, column);
    case 'page-down':
      return vertical(rows, cursor, pageRows, column);
    case 'row-start':
      return { offset: rows.at(cursor)?.from ?? cursor, beyond: false };
    case 'row-end': {
      const row = rows.at(cursor);
      return { offset: row?.kind === 'bytes' ? row.to - 1 : cursor, beyond: false };
    }
  }
}
