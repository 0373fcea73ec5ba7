import type { Frame } from '@shared/contracts/machines';

const WINDOW_MS = 4000;

/** How often a VM's picture changed over the last four seconds, from the pictures' own numbers. */
export class FrameRate {
  #seen: { readonly sequence: number; readonly at: number }[] = [];

  /** Tells of a picture; answers frames a second, null until a second has been seen. */
  see(frame: Frame | null): number | null {
    if (frame === null) {
      this.#seen = [];
      return null;
    }
    const at = Date.parse(frame.at);
    const last = this.#seen.at(-1);
    if (last !== undefined && frame.sequence < last.sequence) this.#seen = [];
    if (last?.sequence !== frame.sequence) this.#seen.push({ sequence: frame.sequence, at });
    this.#seen = this.#seen.filter((seen) => at - seen.at <= WINDOW_MS);
    const first = this.#seen[0];
    if (first === undefined || at - first.at < 1000) return null;
    return ((frame.sequence - first.sequence) * 1000) / (at - first.at);
  }
}
