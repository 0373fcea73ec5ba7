import type { Worker, WorkerPool } from '../services';

/** A pool that knows what kind of worker it starts. */
export interface PoolOf<W extends Worker> extends WorkerPool {
  take(purpose: string): Promise<W>;
}

/**
 * Workers of one's own. With `warm` set, one more is always kept ready after the first was taken; it costs a process.
 * What is taken is the taker's to stop; `dispose` stops everything that still runs.
 */
export function createWorkerPool<W extends Worker>(
  start: (purpose: string) => Promise<W>,
  options: { readonly warm: boolean } = { warm: false },
): PoolOf<W> {
  const running = new Set<W>();
  let warm: Promise<W | null> | null = null;
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

  const takeWarm = async (): Promise<W | null> => {
    const waiting = warm;
    warm = null;
    const worker = await waiting;
    return worker !== null && running.has(worker) ? worker : null;
  };

  return {
    async take(purpose) {
      const worker = (await takeWarm()) ?? (await begin(purpose));
      keepWarm();
      return worker;
    },
    async dispose() {
      disposed = true;
      await warm;
      const all = [...running];
      for (const worker of all) worker.stop();
      await Promise.all(all.map((worker) => worker.ended));
    },
  };
}
