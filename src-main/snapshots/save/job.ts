/** A save under way: what is shown of it, its phases' times, and its cancel signal. */
import type { Machine } from '@shared/contracts/machines';
import type { JobId, SaveJob, SaveOptions, SaveOutcome, SavePhase, SaveProgress } from '@shared/contracts/saves';

/** For tests and measurements: awaited as each step begins, so that something can be made to happen exactly there. */
export interface SaveHooks {
  readonly onPhase?: (phase: SavePhase, step: string, job: SaveJob) => Promise<void> | void;
}

const NO_PHASES: SaveProgress['phaseMs'] = { preparing: 0, writing: 0, flushing: 0, sealing: 0 };

export interface JobSeed {
  readonly id: JobId;
  readonly machine: Machine;
  readonly name: string;
  readonly options: SaveOptions;
  readonly place: string;
  readonly ramBytes: number;
  readonly atMost: number;
  readonly free: number;
  readonly running: boolean;
}

export class LiveJob {
  readonly startedAt = new Date();
  readonly finished: Promise<SaveJob>;
  readonly #startedMs = performance.now();
  readonly #abort = new AbortController();
  #phaseSinceMs = performance.now();
  /** Time spent in phases that ended. */
  #endedMs = NO_PHASES;
  #kept = false;
  #settle: (job: SaveJob) => void = () => undefined;
  #job: SaveJob;

  constructor(
    seed: JobSeed,
    private readonly tell: (job: SaveJob) => void,
    private readonly hooks: SaveHooks,
  ) {
    this.finished = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#job = {
      id: seed.id,
      machine: seed.machine.id,
      machineName: seed.machine.name,
      name: seed.name,
      options: seed.options,
      startedAt: this.startedAt.toISOString(),
      place: seed.place,
      cancelling: false,
      outcome: null,
      progress: {
        phase: 'preparing',
        step: 'reading the VM',
        elapsedMs: 0,
        phaseMs: NO_PHASES,
        pass: 0,
        passes: [],
        bytesWritten: 0,
        bytesRemaining: null,
        ramBytes: seed.ramBytes,
        pagesWritten: 0,
        pageSize: 4096,
        bytesPerSecond: 0,
        pagesPerSecond: 0,
        dirtyBytesPerSecond: null,
        secondsLeft: null,
        phaseFraction: null,
        guest: seed.running ? 'running' : 'paused',
        finishingPaused: null,
        fileBytesOnDisk: 0,
        fileBytesAtMost: seed.atMost,
        freeBytes: seed.free,
        notices: [],
      },
    };
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The job as of now. */
  now(): SaveJob {
    return { ...this.#job, progress: this.#timed(this.#job.progress) };
  }

  /** Begins a step; a new phase stops the clock of the one before. Throws when the job was cancelled. */
  async enter(phase: SavePhase, step: string): Promise<void> {
    this.throwIfCancelled();
    const progress = this.#timed(this.#job.progress);
    const changed = phase !== progress.phase;
    if (changed) {
      this.#phaseSinceMs = performance.now();
      this.#endedMs = progress.phaseMs;
    }
    this.#show({ ...progress, phase, step, ...(changed ? { phaseFraction: null, secondsLeft: null } : {}) });
    await this.hooks.onPhase?.(phase, step, this.now());
    this.throwIfCancelled();
  }

  update(change: Partial<SaveProgress>): void {
    this.#show({ ...this.#timed(this.#job.progress), ...change });
  }

  /** Something the person should know; said once. */
  notice(text: string): void {
    const { notices } = this.#job.progress;
    if (!notices.includes(text)) this.update({ notices: [...notices, text] });
  }

  rename(name: string): void {
    this.#job = { ...this.#job, name };
  }

  cancel(reason: Error): void {
    if (this.#job.outcome !== null || this.#job.cancelling) return;
    this.#job = { ...this.#job, cancelling: true };
    this.tell(this.now());
    this.#abort.abort(reason);
  }

  /**
   * From here on what is under way is all there is of the VM. A cancel still cuts short what waits for `signal`, but no step
   * that begins is called off by it. Throws when one came before.
   */
  keepWhateverHappens(): void {
    this.throwIfCancelled();
    this.#kept = true;
  }

  throwIfCancelled(): void {
    if (!this.#kept) this.signal.throwIfAborted();
  }

  end(outcome: SaveOutcome): void {
    this.#job = { ...this.now(), cancelling: false, outcome };
    this.tell(this.#job);
    this.#settle(this.#job);
  }

  #show(progress: SaveProgress): void {
    this.#job = { ...this.#job, progress };
    this.tell(this.#job);
  }

  #timed(progress: SaveProgress): SaveProgress {
    if (this.#job.outcome !== null) return progress;
    const now = performance.now();
    const spent = this.#endedMs[progress.phase] + now - this.#phaseSinceMs;
    return {
      ...progress,
      elapsedMs: now - this.#startedMs,
      phaseMs: { ...this.#endedMs, [progress.phase]: spent },
    };
  }
}
