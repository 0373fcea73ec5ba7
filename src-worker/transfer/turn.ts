/** Long work in short steps: the work asks at its seams whether it may go on. */

/** How long one step works before it answers. */
export const STEP_MS = 100;

/** What is thrown into work that was given up. */
class GivenUp extends Error {}

/** What work asks at its seams. */
export interface Turn {
  /** Whether `pass` would wait. Cheap: for inner loops. */
  readonly due: boolean;
  /** Waits for the next step when this one is over. Rejects when the work was given up. */
  pass(): Promise<void>;
}

/** For work that is not driven in steps: lets the event loop run every STEP_MS. */
export function freeTurn(): Turn {
  let until = performance.now() + STEP_MS;
  return {
    get due() {
      return performance.now() >= until;
    },
    pass: async () => {
      await new Promise<void>((resolve) => setImmediate(resolve));
      until = performance.now() + STEP_MS;
    },
  };
}

/** Work that goes on only while a step is under way. */
export class Stepper {
  readonly #work: (turn: Turn) => Promise<void>;
  #running: Promise<void> | null = null;
  #done = false;
  #givenUp = false;
  #until = 0;
  #goOn: (() => void) | null = null;
  #paused: (() => void) | null = null;

  constructor(work: (turn: Turn) => Promise<void>) {
    this.#work = work;
  }

  /** Works for about STEP_MS. True: the work is done. Rejects with what the work rejected with. */
  async step(): Promise<boolean> {
    this.#until = performance.now() + STEP_MS;
    const paused = new Promise<void>((resolve) => (this.#paused = resolve));
    if (this.#running === null) this.#running = this.#begin();
    else this.#goOn?.();
    await Promise.race([this.#running, paused]);
    return this.#done;
  }

  /** Gives the work up at its next seam and waits until it has let go of everything. */
  async end(): Promise<void> {
    this.#givenUp = true;
    this.#goOn?.();
    await this.#running?.catch(() => undefined);
  }

  async #begin(): Promise<void> {
    const isDue = (): boolean => performance.now() >= this.#until;
    await this.#work({
      get due() {
        return isDue();
      },
      pass: () => this.#pass(),
    });
    this.#done = true;
  }

  async #pass(): Promise<void> {
    if (!this.#givenUp && performance.now() >= this.#until) {
      await new Promise<void>((resolve) => {
        this.#goOn = resolve;
        this.#paused?.();
      });
      this.#goOn = null;
    }
    if (this.#givenUp) throw new GivenUp('the work was given up');
  }
}
