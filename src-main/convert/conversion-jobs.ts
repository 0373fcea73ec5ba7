/** ConversionsApi: conversions as jobs that the window begins, watches and cancels. */
import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, isAbsolute } from 'node:path';
import type {
  ConversionId,
  ConversionJob,
  ConversionOptions,
  ConversionOutcome,
  ConversionProgress,
  ConversionsApi,
} from '@shared/contracts/conversions';
import { fail, failureOf } from '@shared/contracts/failure';
import { Rate } from '@shared/multifd/rate';
import type { ConvertProgress, ConvertService, LibraryService, Unsubscribe } from '../services';

const JOBS_KEPT = 50;
const DOING = 'converting';
const BEGINNING: ConversionProgress = {
  phase: 'converting',
  elapsedMs: 0,
  bytesRead: 0,
  bytesWritten: 0,
  bytesPerSecond: 0,
  fraction: null,
  secondsLeft: null,
};

export interface ConversionJobs extends ConversionsApi {
  onProgress(listener: (job: ConversionJob) => void): Unsubscribe;
  /** Cancels what runs and waits for it. */
  dispose(): Promise<void>;
}

interface Entry {
  job: ConversionJob;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

/** Makes the list of conversions, empty at first. It is kept as long as the app runs. */
export function createConversionJobs(
  converter: ConvertService,
  library: Pick<LibraryService, 'resolve'>,
): ConversionJobs {
  /** Newest first. */
  let entries: readonly Entry[] = [];
  /** Also those that are not accepted yet. */
  const alive = new Set<Entry>();
  const listeners = new Set<(job: ConversionJob) => void>();

  const show = (entry: Entry, change: Partial<ConversionJob>): void => {
    entry.job = { ...entry.job, ...change };
    for (const listener of [...listeners]) listener(entry.job);
  };

  async function begin(options: ConversionOptions): Promise<ConversionJob> {
    if (!isAbsolute(options.target)) {
      throw fail('usage', DOING, 'The new file needs an absolute path', 'Choose where to write.', {
        where: { path: options.target },
      });
    }
    const reference = 'path' in options.source ? options.source.path : options.source.snapshot;
    const { name } = await library.resolve(reference);
    const abort = new AbortController();
    const meter = new Meter();
    const accepted = new Latch();
    const converted = converter.convert(
      {
        from: { kind: 'file', reference },
        to: options.to,
        block: options.block,
        out: { kind: 'file', path: options.target },
      },
      {
        signal: abort.signal,
        onProgress: (progress) => {
          accepted.open();
          show(entry, { progress: meter.push(progress) });
        },
      },
    );
    const outcome = converted.then(() => done(options.target), notDone);
    const entry: Entry = {
      job: {
        id: randomUUID() as ConversionId,
        name: 'path' in options.source ? basename(reference) : name,
        options,
        startedAt: new Date().toISOString(),
        progress: BEGINNING,
        cancelling: false,
        outcome: null,
      },
      abort,
      ended: outcome.then((ended) => {
        alive.delete(entry);
        if (accepted.isOpen) show(entry, { cancelling: false, outcome: ended });
      }),
    };
    alive.add(entry);
    // What is refused before the first step is the answer to the call, where something else can be chosen.
    await Promise.race([accepted.opened, converted]);
    accepted.open();
    entries = [entry, ...entries].slice(0, JOBS_KEPT);
    show(entry, {});
    return entry.job;
  }

  async function cancel(id: ConversionId): Promise<void> {
    const entry = entries.find(({ job }) => job.id === id);
    if (entry === undefined) {
      throw fail('usage', 'looking for a conversion', `There is no conversion ${id}`, 'Look at the list of them.');
    }
    if (entry.job.outcome !== null) return;
    if (!entry.job.cancelling) show(entry, { cancelling: true });
    entry.abort.abort();
    await entry.ended;
  }

  return {
    begin,
    jobs: () => Promise.resolve(entries.map(({ job }) => job)),
    cancel,
    onProgress: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    dispose: async () => {
      for (const { abort } of alive) abort.abort();
      await Promise.all([...alive].map(({ ended }) => ended));
      listeners.clear();
    },
  };
}

async function done(target: string): Promise<ConversionOutcome> {
  const found = await stat(target).catch(() => null);
  return { kind: 'done', fileBytes: found?.size ?? 0, bytesOnDisk: (found?.blocks ?? 0) * 512 };
}

function notDone(error: unknown): ConversionOutcome {
  const failure = failureOf(error, DOING);
  return failure.code === 'convert.cancelled' ? { kind: 'cancelled' } : { kind: 'failed', failure };
}

/** Rates and time left, which begin anew with each phase: bytes are flushed at another pace than they are converted. */
class Meter {
  #phase: ConvertProgress['phase'] | null = null;
  #rate = new Rate();
  #sinceMs = 0;

  push({ phase, elapsedMs, bytesRead, bytesWritten, fraction }: ConvertProgress): ConversionProgress {
    if (phase !== this.#phase) {
      this.#sinceMs = this.#phase === null ? 0 : elapsedMs;
      this.#rate = new Rate(this.#sinceMs);
      this.#phase = phase;
    }
    const spent = (elapsedMs - this.#sinceMs) / 1000;
    const secondsLeft = fraction === null || fraction < 0.02 ? null : (spent * (1 - fraction)) / fraction;
    const bytesPerSecond = this.#rate.push(elapsedMs, bytesWritten);
    return { phase, elapsedMs, bytesRead, bytesWritten, bytesPerSecond, fraction, secondsLeft };
  }
}

/** Something that happens once, and is waited for. */
class Latch {
  isOpen = false;
  open: () => void = () => undefined;
  readonly opened = new Promise<void>((resolve) => {
    this.open = () => {
      this.isOpen = true;
      resolve();
    };
  });
}
