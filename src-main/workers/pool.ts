import type { Worker, WorkerPool } from '../services';

/** A pool that knows what kind of worker it starts. */
export interface PoolOf<W extends Worker> extends WorkerPool {
  take(purpose: string): Promise<W>;
  /** Of a pool that keeps one ready: starts it now, since one is about to be taken. */
  prepare(): void;
}

export interface PoolOptions {
  /** One more is always kept ready after the first was taken; it costs a process. */
  readonly warm: boolean;
  /**
   * The one to keep ready is started so many milliseconds after one was taken, and so long after the pool was made: its start
   * would take the processor from what the taker is about to do.
   */
  readonly pauseMs?: number;
}

/**
 * Workers of one's own.
 * What is taken is the taker's to stop; `dispose` stops everything that still runs.
 */
export function createWorkerPool<W extends Worker>(
  start: (purpose: string) => Promise<W>,
  options: PoolOptions = { warm: false },
): PoolOf<W> {
  const running = new Set<W>();
  /** Workers on their way to somebody. */
  const taking = new Set<Promise<W>>();
  let warm: Promise<W | null> | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let disposed = false;

  const begin = async (purpose: string): Promise<W> => {
    const worker = await start(purpose);
    running.add(worker);
    void worker.ended.then(() => running.delete(worker));
    if (disposed) worker.stop();
    return worker;
  };

  /** A worker that failed to start or died while it waited is no reason to fail: the taker starts another. */
  const keepWarm = (): void => {
    if (!options.warm || disposed || warm !== null) return;
    warm = begin('waiting').catch(() => null);
  };
  const keepWarmSoon = (): void => {
    clearTimeout(timer);
    if (options.pauseMs === undefined) keepWarm();
    else timer = setTimeout(keepWarm, options.pauseMs);
  };
  if (options.pauseMs !== undefined) keepWarmSoon();

  const takeWarm = async (): Promise<W | null> => {
    const waiting = warm;
    warm = null;
    const worker = await waiting;
    return worker !== null && running.has(worker) ? worker : null;
  };

  const takeOne = async (purpose: string): Promise<W> => {
    const worker = (await takeWarm()) ?? (await begin(purpose));
    keepWarmSoon();
    return worker;
  };

  return {
    take(purpose) {
      const one: Promise<W> = takeOne(purpose).finally(() => taking.delete(one));
      taking.add(one);
      return one;
    },
    prepare() {
      clearTimeout(timer);
      keepWarm();
    },
    async dispose() {
      disposed = true;
      clearTimeout(timer);
      // A program that ends while a thread of it loads koffi is aborted (napi_throw): none may be left on its way.
      await Promise.allSettled([warm, ...taking]);
      const all = [...running];
      for (const worker of all) worker.stop();
      await Promise.all(all.map((worker) => worker.ended));
    },
  };
}
