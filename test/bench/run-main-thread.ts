/** Builds and runs test/bench/main-thread.ts in a process of its own. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { buildForNode, buildWorker } from '../support/services';
import { makeTempDir, removeTempDir } from '../support/temp';

export interface MainThreadRun {
  readonly mode: 'live' | 'paused';
  readonly directIo: boolean;
  readonly writtenBytes: number;
  readonly totalMs: number;
  readonly writingMs: number;
  readonly mainCpuMs: number;
  readonly longestTaskCpuMs: number;
  readonly loopDelayP99Ms: number;
  /** Every answer's time, ascending. */
  readonly qmpAnswersMs: readonly number[];
  readonly qmpP50Ms: number;
  readonly qmpP99Ms: number;
  readonly qmpMaxMs: number;
  readonly syncFileCalls: Readonly<Record<string, number>>;
}

/** Measures saves of a VM with `memoryMiB` that is full of data. */
export async function measureMainThread(memoryMiB: number): Promise<readonly MainThreadRun[]> {
  const folder = await makeTempDir();
  const [program, worker] = await Promise.all([buildForNode('test/bench/main-thread.ts'), buildWorker()]);
  try {
    const argv = [program.file, folder, worker.file, String(memoryMiB)];
    const { stdout } = await promisify(execFile)(process.execPath, argv, { timeout: 300_000 });
    return (JSON.parse(stdout) as { runs: readonly MainThreadRun[] }).runs;
  } finally {
    await Promise.all([program.remove(), worker.remove(), removeTempDir(folder)]);
  }
}

/** The time within which 99 of 100 answers came, all runs together: one run of 1 s has too few to tell. */
export function qmpP99(runs: readonly MainThreadRun[]): number {
  const all = runs.flatMap(({ qmpAnswersMs }) => qmpAnswersMs).sort((a, b) => a - b);
  return all[Math.floor(all.length * 0.99)] ?? Infinity;
}

/** The figures as a table on stdout. */
export function printRuns(runs: readonly MainThreadRun[]): void {
  const rows = runs.map(({ syncFileCalls, qmpAnswersMs, ...figures }) => ({
    ...figures,
    qmpAnswers: qmpAnswersMs.length,
    syncFileCalls: Object.values(syncFileCalls).reduce((sum, count) => sum + count, 0),
  }));
  console.table(rows);
  console.log(`QMP p99 of all runs: ${String(qmpP99(runs))} ms`);
}

/** The bench as a command: `words[0]` is the VM's memory in MiB. Answers the exit code. */
export async function mainThreadBench(words: readonly string[]): Promise<number> {
  printRuns(await measureMainThread(Number(words[0] ?? 2048)));
  return 0;
}
