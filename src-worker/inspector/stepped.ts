/** Long work of which the page asks for what has been found, step by step. */

/** A step is answered after so long, and with so many finds, or a few more. */
const STEP_MS = 200;

export interface SteppedPart<T> {
  readonly found: readonly T[];
  /** Bytes that are behind. */
  readonly searchedBytes: number;
}

export interface Step<T> extends SteppedPart<T> {
  readonly done: boolean;
  /** Whether it ended because as many as may be were handed out. */
  readonly more: boolean;
}

/** Work that can begin, and what is said about it. */
export interface Opened<T, A> {
  readonly parts: AsyncGenerator<SteppedPart<T>>;
  readonly answer: A;
}

interface Running<T> {
  readonly parts: AsyncGenerator<SteppedPart<T>>;
  cancelled: boolean;
  handedOut: number;
  searchedBytes: number;
}

/** At most one such work at a time. */
export class Stepped<T> {
  readonly #most: number;
  readonly #stepFinds: number;
  #running: Running<T> | null = null;
  #opening: Promise<void> = Promise.resolve();
  #turn = 0;

  /** `most`: finds that are handed out of one work. `stepFinds`: of one step. */
  constructor(most: number, stepFinds: number) {
    this.#most = most;
    this.#stepFinds = stepFinds;
  }

  /**
   * Has work opened in place of the one under way; it begins at the first step. `open` is given what says that it is cancelled.
   * Works are opened one after another, since they share the threads; of several that are begun at once the last counts.
   */
  begin<A>(open: (cancelled: () => boolean) => Promise<Opened<T, A>>): Promise<A> {
    const turn = (this.#turn += 1);
    const begun = this.#opening.then(async () => {
      await this.#stop();
      let running: Running<T> | null = null;
      const { parts, answer } = await open(() => running?.cancelled === true);
      running = { parts, cancelled: false, handedOut: 0, searchedBytes: 0 };
      if (turn === this.#turn) this.#running = running;
      return answer;
    });
    this.#opening = begun.then(
      () => undefined,
      () => undefined,
    );
    return begun;
  }

  async next(): Promise<Step<T>> {
    const running = this.#running;
    if (running === null) return { found: [], searchedBytes: 0, done: true, more: false };
    const until = performance.now() + STEP_MS;
    const found: T[] = [];
    let done = false;
    while (!done && found.length < this.#stepFinds && performance.now() < until) {
      const part = await running.parts.next();
      if (part.done === true) done = true;
      else {
        for (const one of part.value.found) found.push(one);
        running.handedOut += part.value.found.length;
        running.searchedBytes = part.value.searchedBytes;
      }
    }
    return { found, searchedBytes: running.searchedBytes, done, more: done && running.handedOut >= this.#most };
  }

  /** Ends the work under way, if any, and waits for what it has pending. */
  end(): Promise<void> {
    this.#turn += 1;
    return this.#stop();
  }

  async #stop(): Promise<void> {
    const ending = this.#running;
    this.#running = null;
    if (ending === null) return;
    ending.cancelled = true;
    await ending.parts.return(undefined).catch(() => undefined);
  }
}
