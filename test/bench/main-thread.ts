/**
 * What a save of 2 GiB costs the process that runs it: the services as the command line and the window have them, under
 * plain Node, with the worker in a process of its own. Prints one JSON document.
 *
 * - CPU: a timer reads the main thread's CPU clock every 2 ms. What was used between two ticks is at least what the longest
 *   single task used there, whatever else the machine was doing.
 * - QMP: `query-status` every 10 ms on the connection that the save uses, whether the last one has been answered or not.
 * - Synchronous file calls: every `…Sync` of node:fs is counted.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import koffi from 'koffi';
import { demoLayout } from '../../src-main/machines/demo';
import type { SaveOptions } from '../../src-shared/contracts/saves';
import { readGuestMemory } from '../support/guest-memory';
import { openTestServices, saveAndWait, saveOptions, startMachine } from '../support/services';

const [folder = '', workerFile = '', memory = '2048'] = process.argv.slice(2);
const memoryMiB = Number(memory);

const CLOCK_THREAD_CPUTIME_ID = 3;
const clockGettime = koffi.load('libc.so.6').func('int clock_gettime(int clock, void *time)') as (
  clock: number,
  time: Uint8Array,
) => number;
const time = Buffer.alloc(16);

/** CPU time of this thread so far, in milliseconds. */
function threadCpuMs(): number {
  clockGettime(CLOCK_THREAD_CPUTIME_ID, time);
  return Number(time.readBigInt64LE(0)) * 1000 + Number(time.readBigInt64LE(8)) / 1e6;
}

const syncCalls = new Map<string, number>();

function countSyncCalls(): void {
  const module = fs as unknown as Record<string, unknown>;
  for (const [name, original] of Object.entries(module)) {
    if (!name.endsWith('Sync') || typeof original !== 'function') continue;
    module[name] = (...args: unknown[]): unknown => {
      syncCalls.set(name, (syncCalls.get(name) ?? 0) + 1);
      return (original as (...given: unknown[]) => unknown)(...args);
    };
  }
  syncBuiltinESMExports();
}

const percentile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
const rounded = (value: number): number => Math.round(value * 100) / 100;

countSyncCalls();
const services = await openTestServices({
  folder,
  worker: { file: workerFile, remove: () => Promise.resolve() },
});
try {
  const machine = await startMachine(services, {
    kind: 'demo',
    memoryMiB,
    dirtyMiB: Math.min(memoryMiB - 4, 2044),
    dirtyMiBPerSecond: 256,
  });
  const tools = machine.toolsQmp ?? '';
  const passes = async (): Promise<number> => (await readGuestMemory(tools, demoLayout.pass, 4)).readUInt32LE();
  while ((await passes()) === 0) await sleep(100);

  const runs: object[] = [];
  const kinds: readonly Partial<SaveOptions>[] = [
    { mode: 'live', directIo: true },
    { mode: 'paused', directIo: true },
    { mode: 'paused', directIo: false },
  ];
  for (const kind of kinds) runs.push(await measure(kind));
  process.stdout.write(`${JSON.stringify({ memoryMiB, runs })}\n`);

  async function measure(kind: Partial<SaveOptions>): Promise<object> {
    const qmp = await services.machines.qmp(machine.id);
    const answers: number[] = [];
    // Asked every 10 ms, whether the answers before have come or not: a pause of QEMU counts with its whole length.
    const pending = new Set<Promise<unknown>>();
    const asking = setInterval(() => {
      const start = performance.now();
      const answer = qmp.execute('query-status').then(() => {
        answers.push(performance.now() - start);
        pending.delete(answer);
      });
      pending.add(answer);
    }, 10);
    syncCalls.clear();
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    let longest = 0;
    let last = threadCpuMs();
    const begun = last;
    const ticking = setInterval(() => {
      const now = threadCpuMs();
      longest = Math.max(longest, now - last);
      last = now;
    }, 2);
    const { outcome } = await saveAndWait(services, saveOptions(machine.id, kind));
    const syncFileCalls = Object.fromEntries(syncCalls);
    clearInterval(ticking);
    delay.disable();
    const cpu = threadCpuMs() - begun;
    clearInterval(asking);
    await Promise.all(pending);
    if (outcome?.kind !== 'saved') throw new Error(JSON.stringify(outcome));
    const [entry] = (await services.library.overview()).entries;
    if (entry !== undefined) await fs.promises.rm(entry.folder, { recursive: true });
    answers.sort((a, b) => a - b);
    return {
      ...kind,
      writtenBytes: outcome.result.bytesWritten,
      totalMs: rounded(outcome.result.timings.totalMs),
      writingMs: rounded(outcome.result.timings.writingMs),
      mainCpuMs: rounded(cpu),
      longestTaskCpuMs: rounded(longest),
      loopDelayP99Ms: rounded(delay.percentile(99) / 1e6),
      qmpAnswersMs: answers.map(rounded),
      qmpP50Ms: rounded(percentile(answers, 0.5)),
      qmpP99Ms: rounded(percentile(answers, 0.99)),
      qmpMaxMs: rounded(answers.at(-1) ?? 0),
      syncFileCalls,
    };
  }
} finally {
  await services.end();
}
