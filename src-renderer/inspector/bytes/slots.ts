/** Which element draws which row: a row that stays in view keeps its element; those of rows that left draw rows that came. */
import type { Row } from './rows';

export interface Placed {
  readonly row: Row;
  /** Of the element. */
  readonly slot: number;
}

const keyOf = ({ kind, from }: Row): string => (kind === 'page' ? `page ${from}` : String(from));

export class Slots {
  #slots = new Map<string, number>();

  /** Slots for the rows in view, in their order. */
  place(rows: readonly Row[]): readonly Placed[] {
    const keys = rows.map(keyOf);
    const inView = new Set(keys);
    // In the order in which they were, so that a wholly new screen moves no element.
    const free = [...this.#slots].filter(([key]) => !inView.has(key)).map(([, slot]) => slot);
    let next = Math.max(-1, ...this.#slots.values()) + 1;
    let taken = 0;
    const placed = rows.map((row, index): Placed => {
      const known = this.#slots.get(keys[index] ?? '');
      if (known !== undefined) return { row, slot: known };
      const slot = free[taken] ?? next++;
      taken += 1;
      return { row, slot };
    });
    this.#slots = new Map(placed.map(({ slot }, index) => [keys[index] ?? '', slot]));
    return placed;
  }
}
