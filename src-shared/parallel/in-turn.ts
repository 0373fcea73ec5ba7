/** Work that is cut into units, done by several workers at once, and handed out in the order of the units. */

/** Calls that each worker has waiting, so that it never waits for the next. */
const CALLS_EACH = 2;
/** Units that may be done ahead of the one whose turn it is, for each worker: bounds what is kept. */
const AHEAD_EACH = 8;

export interface Turn<W, A> {
  readonly unit: number;
  /** Who did it. */
  readonly worker: W;
  readonly answer: A;
}

/**
 * Has `call` done for units 0 … `units` − 1 by whichever worker is free, and yields the answers in order. What is pending is
 * waited for when it ends early, too. Rejects with the first failure in the order of the units; no further unit is begun
 * then, nor after `cancelled` says so.
 */
export async function* inTurn<W, A>(
  workers: readonly W[],
  units: number,
  call: (worker: W, unit: number) => Promise<A>,
  cancelled: () => boolean = () => false,
): AsyncGenerator<Turn<W, A>> {
  const pending = new Map<number, { readonly worker: W; readonly answer: Promise<A> }>();
  const load = new Map<W, number>(workers.map((worker) => [worker, 0]));
  let [issued, turn, stopped] = [0, 0, false];

  const begin = (worker: W, unit: number): void => {
    load.set(worker, (load.get(worker) ?? 0) + 1);
    const answer = call(worker, unit).finally(() => {
      load.set(worker, (load.get(worker) ?? 1) - 1);
      issue();
    });
    // Whoever takes its turn gets the failure; until then it is no unhandled one.
    answer.catch(() => undefined);
    pending.set(unit, { worker, answer });
  };
  const issue = (): void => {
    while (!stopped && !cancelled() && issued < units && issued < turn + AHEAD_EACH * workers.length) {
      const free = workers.find((worker) => (load.get(worker) ?? 0) < CALLS_EACH);
      if (free === undefined) return;
      begin(free, issued++);
    }
  };

  try {
    for (; turn < units; turn++) {
      issue();
      const next = pending.get(turn);
      if (next === undefined) return;
      pending.delete(turn);
      yield { unit: turn, worker: next.worker, answer: await next.answer };
    }
  } finally {
    stopped = true;
    await Promise.allSettled([...pending.values()].map(({ answer }) => answer));
  }
}
