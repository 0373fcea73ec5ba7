/** A synthetic guest as main sees it: its memory, and the worker that writes to it. */
import type { Lease } from '@shared/contracts/lease';
import type { SyntheticGuestOptions, SyntheticWritten } from '@shared/contracts/synthetic';
import type { PageBits } from '@shared/multifd/feed';
import type { PrecopyGuest } from '@shared/multifd/precopy';
import type { FileRegistry, Worker, WorkerPool } from '../services';
import { makeMemory } from './memory';

export class SyntheticGuest implements PrecopyGuest {
  private constructor(
    readonly options: SyntheticGuestOptions,
    /** Its memory. Good until `end`. */
    readonly ram: Lease,
    private readonly worker: Worker,
    private readonly release: () => Promise<void>,
  ) {}

  /**
   * Makes one, with its memory as it is before it runs. Rejects with `usage` for options that make no sense, with `file.*`
   * when there is no memory for it.
   */
  static async make(
    { files, workers }: { readonly files: FileRegistry; readonly workers: WorkerPool },
    options: SyntheticGuestOptions,
  ): Promise<SyntheticGuest> {
    const { lease, release } = await files.lend(await makeMemory(options.ramBytes), 'memory of the synthetic guest');
    try {
      const worker = await workers.take('synthetic guest');
      try {
        await worker.api.makeGuest(lease, options);
        return new SyntheticGuest(options, lease, worker, release);
      } catch (error) {
        worker.stop();
        throw error;
      }
    } catch (error) {
      await release();
      throw error;
    }
  }

  run(): Promise<void> {
    return this.worker.api.runGuest();
  }

  async sync(): Promise<PageBits> {
    return [await this.worker.api.syncGuest()];
  }

  async stop(): Promise<void> {
    await this.freeze();
  }

  freeze(): Promise<SyntheticWritten> {
    return this.worker.api.freezeGuest();
  }

  /** Ends it and gives its memory back. */
  async end(): Promise<void> {
    this.worker.stop();
    await this.release();
  }
}
