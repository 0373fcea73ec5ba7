/** Whether a live save gets anywhere, and when it has to be finished with the guest paused. No clock of its own. */

/** A pass that leaves more than this part of the best pass so far is no progress. */
const PROGRESS = 0.95;
const PASSES_WITHOUT_PROGRESS = 3;

export class Convergence {
  #pass = 1;
  #least = Infinity;
  #without = 0;

  constructor(private readonly limitSeconds: number) {}

  /**
   * `pass` and `remaining` are QEMU's, `at` is milliseconds since writing began. Answers why the guest has to be paused, as
   * a sentence, or null while the save may go on live.
   */
  push(at: number, pass: number, remaining: number): string | null {
    if (pass > this.#pass) {
      this.#pass = pass;
      this.#without = remaining < this.#least * PROGRESS ? 0 : this.#without + 1;
      this.#least = Math.min(this.#least, remaining);
    }
    if (this.#without >= PASSES_WITHOUT_PROGRESS)
      return `The guest dirtied memory as fast as it was written over ${String(PASSES_WITHOUT_PROGRESS)} passes. Finishing paused.`;
    if (at >= this.limitSeconds * 1000)
      return `The live save reached its limit of ${String(this.limitSeconds)} s. Finishing paused.`;
    return null;
  }
}
