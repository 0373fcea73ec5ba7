/** ConversionsApi: conversions as jobs of the window, over the service that the command line uses too. */
import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { ConversionId, ConversionJob, ConversionOptions, ConversionOutcome } from '@shared/contracts/conversions';
import { fail, failureOf } from '@shared/contracts/failure';
import { Rate } from '@shared/multifd/rate';
import { refuseTaken } from '../files/aside';
import type {
  Conversion,
  ConversionService,
  ConvertProgress,
  ConvertResult,
  ConvertService,
  ConvertWatch,
  LibraryService,
} from '../services';

const JOBS_KEPT = 100;

interface Running {
  job: ConversionJob;
  readonly abort: AbortController;
  /** Resolves when the job has ended. */
  finished: Promise<void>;
}

export class Conversions implements ConversionService {
  /** Newest first. */
  #all: Running[] = [];
  readonly #listeners = new Set<(job: ConversionJob) => void>();

  constructor(
    private readonly service: ConvertService,
    private readonly library: Pick<LibraryService, 'resolve'>,
  ) {}

  convert(conversion: Conversion, watch: ConvertWatch): Promise<ConvertResult> {
    return this.service.convert(conversion, watch);
  }

  async begin(options: ConversionOptions): Promise<ConversionJob> {
    await refuseTaken(options.target);
    const { source } = options;
    const reference = 'path' in source ? source.path : source.snapshot;
    const { name } = await this.library.resolve(reference);
    const running: Running = {
      job: {
        id: randomUUID() as ConversionId,
        name: 'path' in source ? basename(source.path) : name,
        options,
        startedAt: new Date().toISOString(),
        progress: NOTHING_YET,
        cancelling: false,
        outcome: null,
      },
      abort: new AbortController(),
      finished: Promise.resolve(),
    };
    this.#all = [running, ...this.#all].slice(0, JOBS_KEPT);
    running.finished = this.#run(running, {
      from: { kind: 'file', reference },
      to: options.to,
      block: options.block,
      range: options.range,
      out: { kind: 'file', path: options.target },
    });
    return running.job;
  }

  async #run(running: Running, conversion: Conversion): Promise<void> {
    const meter = new Meter();
    let outcome: ConversionOutcome;
    try {
      await this.service.convert(conversion, {
        signal: running.abort.signal,
        onProgress: (progress) => this.#change(running, { progress: meter.push(progress) }),
      });
      const { size, blocks } = await stat(running.job.options.target);
      outcome = { kind: 'done', fileBytes: size, bytesOnDisk: blocks * 512 };
    } catch (error) {
      const failure = failureOf(error, 'converting');
      outcome = failure.code === 'convert.cancelled' ? { kind: 'cancelled' } : { kind: 'failed', failure };
    }
    this.#change(running, { cancelling: false, outcome });
  }

  jobs(): Promise<readonly ConversionJob[]> {
    return Promise.resolve(this.#all.map(({ job }) => job));
  }

  async cancel(id: ConversionId): Promise<void> {
    const running = this.#all.find(({ job }) => job.id === id);
    if (running === undefined)
      throw fail('usage', 'looking for a conversion', `There is no conversion ${id}`, 'Look at the list of them.');
    if (running.job.outcome !== null) return;
    this.#change(running, { cancelling: true });
    running.abort.abort();
    await running.finished;
  }

  onProgress(listener: (job: ConversionJob) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#all.map(({ job }) => this.cancel(job.id)));
    this.#listeners.clear();
  }

  #change(running: Running, change: Partial<ConversionJob>): void {
    running.job = { ...running.job, ...change };
    for (const listener of [...this.#listeners]) listener(running.job);
  }
}

const NOTHING_YET: ConversionJob['progress'] = {
  phase: 'converting',
  elapsedMs: 0,
  bytesRead: 0,
  bytesWritten: 0,
  bytesPerSecond: 0,
  fraction: null,
  secondsLeft: null,
};

/** Rates and time left from running totals, phase by phase. */
class Meter {
  #phase: ConvertProgress['phase'] = 'converting';
  #since = 0;
  #rate = new Rate(0);

  push({ phase, elapsedMs, bytesRead, bytesWritten, fraction }: ConvertProgress): ConversionJob['progress'] {
    if (phase !== this.#phase) {
      this.#phase = phase;
      this.#since = elapsedMs;
      this.#rate = new Rate(elapsedMs);
    }
    const secondsLeft =
      fraction === null || fraction <= 0 ? null : ((elapsedMs - this.#since) * (1 - fraction)) / fraction / 1000;
    const bytesPerSecond = this.#rate.push(elapsedMs, bytesWritten);
    return { phase, elapsedMs, bytesRead, bytesWritten, bytesPerSecond, fraction, secondsLeft };
  }
}
