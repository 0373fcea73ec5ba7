/** The worker of one save: given up at once on cancel, replaced once when it dies. */
import { StillframeError } from '@shared/contracts/failure';
import type { WorkerApi } from '@shared/contracts/worker';
import type { Worker, WorkerPool } from '../../services';
import { unlessAborted } from '../../time/time-limit';

export class SaveWorker {
  #worker: Promise<Worker> | null = null;
  #replaced = false;

  constructor(
    private readonly pool: WorkerPool,
    private readonly signal: AbortSignal,
  ) {}

  /** Starts it while QEMU writes, so that nobody waits for it later. A start that fails is tried again when it is needed. */
  warmUp(): void {
    const starting = this.pool.take('save');
    this.#worker = starting;
    starting.catch(() => {
      if (this.#worker === starting) this.#worker = null;
    });
  }

  /**
   * Runs one step, which must be repeatable. A worker that dies is replaced once in a save and the step repeated; the
   * second death rejects with `worker.died`. A cancel rejects at once and leaves the worker to its own end.
   */
  async run<T>(step: (api: WorkerApi) => Promise<T>): Promise<T> {
    try {
      return await this.#attempt(step);
    } catch (error) {
      if (!died(error) || this.#replaced) throw error;
      this.#replaced = true;
      this.stop();
      return this.#attempt(step);
    }
  }

  /** Runs a step of something that the worker keeps: it cannot be repeated by another one. */
  runOnce<T>(step: (api: WorkerApi) => Promise<T>): Promise<T> {
    return this.#attempt(step);
  }

  /** The process of the worker that serves now; null before the first step and for a thread of this process. */
  async pid(): Promise<number | null> {
    return (await this.#worker)?.pid ?? null;
  }

  /** Ends the worker. Never waits for what it is doing. */
  stop(): void {
    void this.#worker?.then(
      (worker) => {
        worker.stop();
      },
      () => undefined,
    );
    this.#worker = null;
  }

  async #attempt<T>(step: (api: WorkerApi) => Promise<T>): Promise<T> {
    this.#worker ??= this.pool.take('save');
    const { api } = await unlessAborted(this.signal, this.#worker);
    return unlessAborted(this.signal, step(api));
  }
}

const died = (error: unknown): boolean => error instanceof StillframeError && error.failure.code === 'worker.died';
