import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ConversionJob, ConversionOptions } from '@shared/contracts/conversions';
import { fail } from '@shared/contracts/failure';
import type { SnapshotEntry } from '@shared/contracts/library';
import type { Conversion, ConvertProgress, ConvertResult, ConvertWatch } from '../services';
import { Conversions } from './conversions';

/** A conversion that goes on when the test says so. */
interface Run {
  readonly conversion: Conversion;
  readonly watch: ConvertWatch;
  end(): void;
  fail(error: Error): void;
}

let folder: string;
let runs: Run[];
let told: ConversionJob[];
let jobs: Conversions;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sf-conversion-'));
  runs = [];
  told = [];
  const convert = (conversion: Conversion, watch: ConvertWatch): Promise<ConvertResult> =>
    new Promise((resolve, reject) => {
      runs.push({ conversion, watch, end: () => resolve({} as ConvertResult), fail: reject });
      watch.signal.addEventListener('abort', () =>
        reject(fail('convert.cancelled', 'converting', 'The conversion was cancelled', '')),
      );
    });
  const library = { resolve: (name: string) => Promise.resolve({ name: `entry of ${name}` } as SnapshotEntry) };
  jobs = new Conversions({ convert }, library);
  jobs.onProgress((job) => told.push(job));
});
afterEach(() => rm(folder, { recursive: true }));

const options = (over: Partial<ConversionOptions> = {}): ConversionOptions => ({
  source: { path: '/vm/memory.mapped' },
  to: 'stream',
  target: join(folder, 'out.stream'),
  block: null,
  range: null,
  ...over,
});
const progress = (over: Partial<ConvertProgress> = {}): ConvertProgress => ({
  phase: 'converting',
  bytesRead: 0,
  bytesWritten: 1e6,
  fraction: 0.25,
  elapsedMs: 1000,
  ...over,
});
const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));

/** Begins a conversion and lets it take its first step. */
async function begun(
  over: Partial<ConversionOptions> = {},
): Promise<{ readonly job: ConversionJob; readonly run: Run }> {
  const job = await jobs.begin(options(over));
  const run = runs.at(-1);
  if (run === undefined) throw new Error('it was not begun');
  run.watch.onProgress(progress());
  return { job, run };
}
const now = async (id: ConversionJob['id']): Promise<ConversionJob | undefined> =>
  (await jobs.jobs()).find((job) => job.id === id);

describe('beginning', () => {
  test.each<[ConversionOptions['source'], string, string]>([
    [{ path: '/vm/memory.mapped' }, '/vm/memory.mapped', 'memory.mapped'],
    [{ snapshot: '/library/ci-base' }, '/library/ci-base', 'entry of /library/ci-base'],
  ])('of %j asks for %s and calls it %s', async (source, reference, name) => {
    const { job, run } = await begun({ source });
    expect(run.conversion).toEqual({
      from: { kind: 'file', reference },
      to: 'stream',
      block: null,
      range: null,
      out: { kind: 'file', path: join(folder, 'out.stream') },
    });
    expect(job).toMatchObject({ name, outcome: null, cancelling: false });
    expect((await jobs.jobs()).map(({ id }) => id)).toEqual([job.id]);
  });

  test('refuses a name that is taken, and makes no job', async () => {
    await writeFile(join(folder, 'out.stream'), 'mine');
    await expect(jobs.begin(options())).rejects.toMatchObject({ failure: { code: 'file.exists' } });
    expect([await jobs.jobs(), told, runs]).toEqual([[], [], []]);
  });
});

describe('progress', () => {
  test.each<[Partial<ConvertProgress>, number | null]>([
    [{ fraction: 0.5, elapsedMs: 2000 }, 2],
    [{ fraction: 0.8, elapsedMs: 2000 }, 0.5],
    [{ fraction: null, elapsedMs: 2000 }, null],
    [{ fraction: 0, elapsedMs: 2000 }, null],
    [{ fraction: 1, elapsedMs: 2000 }, 0],
  ])('%j: %s s left', async (over, secondsLeft) => {
    const { job, run } = await begun();
    run.watch.onProgress(progress(over));
    expect((await now(job.id))?.progress.secondsLeft).toEqual(
      secondsLeft === null ? null : expect.closeTo(secondsLeft),
    );
  });

  test('has a rate, and rate and time left of a flush are of the flush', async () => {
    const { job, run } = await begun();
    run.watch.onProgress(progress({ elapsedMs: 2000, bytesWritten: 4e6, fraction: 1 }));
    expect((await now(job.id))?.progress.bytesPerSecond).toBeCloseTo(2e6);
    run.watch.onProgress(progress({ phase: 'flushing', elapsedMs: 2000, bytesWritten: 0, fraction: 0 }));
    run.watch.onProgress(progress({ phase: 'flushing', elapsedMs: 2500, bytesWritten: 1e6, fraction: 0.25 }));
    expect((await now(job.id))?.progress).toMatchObject({ phase: 'flushing', bytesPerSecond: 2e6, secondsLeft: 1.5 });
  });
});

describe('the end', () => {
  test('tells how long the file is and how much of it is on disk', async () => {
    const { job, run } = await begun();
    await writeFile(job.options.target, Buffer.alloc(8192, 1));
    run.end();
    await soon();
    expect((await now(job.id))?.outcome).toMatchObject({ kind: 'done', fileBytes: 8192 });
    expect(told.at(-1)?.outcome?.kind).toBe('done');
  });

  test('of one that fails is its failure', async () => {
    const { job, run } = await begun();
    run.fail(fail('file.no-space', 'converting', 'the disk is full', 'Make room.'));
    await soon();
    expect((await now(job.id))?.outcome).toMatchObject({ kind: 'failed', failure: { code: 'file.no-space' } });
  });

  test('of one that is cancelled is told before the cancel resolves, and a second cancel does nothing', async () => {
    const { job } = await begun();
    await jobs.cancel(job.id);
    expect(told.map(({ cancelling, outcome }) => [cancelling, outcome?.kind ?? null]).slice(-2)).toEqual([
      [true, null],
      [false, 'cancelled'],
    ]);
    await jobs.cancel(job.id);
    expect((await now(job.id))?.outcome).toEqual({ kind: 'cancelled' });
  });

  test('of the app cancels what runs', async () => {
    const { job } = await begun();
    await jobs.dispose();
    expect((await now(job.id))?.outcome).toEqual({ kind: 'cancelled' });
  });
});
