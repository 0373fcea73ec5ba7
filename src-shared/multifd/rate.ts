/** A rate over the last two seconds, so that what a person reads does not flicker. */

const WINDOW_MS = 2000;

export class Rate {
  readonly #samples: { readonly at: number; readonly count: number }[];

  /** Nothing has been counted at `startAt` (milliseconds): a save that is over at the first look has a rate too. */
  constructor(startAt = 0) {
    this.#samples = [{ at: startAt, count: 0 }];
  }

  /** `count` is a running total, `at` in milliseconds. Answers the mean rate per second over the window. */
  push(at: number, count: number): number {
    this.#samples.push({ at, count });
    // The newest sample at or before the start of the window stays, so that the window is covered whole.
    while ((this.#samples[1]?.at ?? Infinity) <= at - WINDOW_MS) this.#samples.shift();
    const [first] = this.#samples;
    if (first === undefined || first.at === at) return 0;
    return ((count - first.count) / (at - first.at)) * 1000;
  }
}
