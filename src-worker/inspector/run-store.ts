import { PAGE_CHANGES, type PageChange } from '@shared/contracts/diff';
import type { ComparedRun } from '@shared/contracts/inspector-compare';

/** Bytes that one run takes. */
export const RUN_BYTES = 8 + 8 + 1;

/** Runs of pages of one block, ascending and apart, in 17 bytes each. */
export class RunStore {
  #first = new Float64Array(64);
  #counts = new Float64Array(64);
  #changes = new Uint8Array(64);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /**
   * Adds pages behind all that are there; they join the last run where they touch it and differ in the same way. Answers
   * false, having added nothing, when they would need a run of their own and there is no `room` for one.
   */
  add(page: number, count: number, change: PageChange, room: boolean): boolean {
    const last = this.#length - 1;
    const number = PAGE_CHANGES.indexOf(change);
    const end = (this.#first[last] ?? 0) + (this.#counts[last] ?? 0);
    if (last >= 0 && end === page && this.#changes[last] === number) {
      this.#counts[last] = (this.#counts[last] ?? 0) + count;
      return true;
    }
    if (!room) return false;
    if (this.#length === this.#first.length) this.#grow();
    this.#first[this.#length] = page;
    this.#counts[this.#length] = count;
    this.#changes[this.#length] = number;
    this.#length += 1;
    return true;
  }

  /** The run of that number; null when there is none. */
  at(index: number): ComparedRun | null {
    const [page, count, number] = [this.#first[index], this.#counts[index], this.#changes[index]];
    if (index >= this.#length || page === undefined || count === undefined || number === undefined) return null;
    return { page, count, change: PAGE_CHANGES[number] ?? 'changed' };
  }

  /** The run that holds the page, else the nearest one behind it (1) or before it (−1). */
  near(page: number, direction: 1 | -1): ComparedRun | null {
    const before = this.#lastFrom(page);
    const run = this.at(before);
    if (run !== null && (direction === -1 || page < run.page + run.count)) return run;
    return direction === -1 ? null : this.at(before + 1);
  }

  /** Number of the last run that begins at or before the page; −1 when there is none. */
  #lastFrom(page: number): number {
    let [low, high] = [0, this.#length];
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2);
      if ((this.#first[middle] ?? 0) <= page) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #grow(): void {
    const room = this.#length * 2;
    const [first, counts, changes] = [new Float64Array(room), new Float64Array(room), new Uint8Array(room)];
    first.set(this.#first);
    counts.set(this.#counts);
    changes.set(this.#changes);
    [this.#first, this.#counts, this.#changes] = [first, counts, changes];
  }
}
