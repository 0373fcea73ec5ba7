/**
 * Searches a mapped-ram file whose pages are all present, and has GNU grep search the same bytes as a plain file: in turns, in
 * the C locale, each run from the same state of the page cache. Compares the places that both find.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Lease } from '../../src-shared/contracts/lease';
import type { SearchWhat } from '../../src-shared/contracts/search';
import { driveSearch } from '../../src-shared/search/drive';
import { readNeedle } from '../../src-shared/search/needle';
import { createFileRegistry } from '../../src-main/files/registry';
import { startThreadWorker } from '../../src-main/workers/thread-worker';
import { buildWorker } from '../support/services';
import { makeTempDir, removeTempDir } from '../support/temp';
import { benchArguments, evict, fillCache, median } from './bench-files';
import { makeSearchFiles } from './search-files';

const WORKERS = 2;
/** A planted needle stands about once in 4 MiB. */
const PLANTED = 'StillFrame#7';

/** One search over everything: how long it took and what it found. */
interface Run {
  readonly ms: number;
  readonly offsets: readonly number[];
}

interface OurRun extends Run {
  /** CPU time of all threads of ours, in milliseconds. */
  readonly cpu: number;
}

/** Milliseconds of each run. */
interface Times {
  readonly ours: number[];
  readonly grep: number[];
  readonly cpu: number[];
}

interface Case {
  readonly title: string;
  readonly what: SearchWhat;
  readonly grep: readonly string[];
}

const text = (needle: string, ignoreCase = false): SearchWhat => ({
  kind: 'text',
  text: needle,
  encoding: 'utf8',
  ignoreCase,
});
const regex = (pattern: string): Case => ({
  title: `regex ${pattern}`,
  what: { kind: 'regex', pattern, ignoreCase: false },
  grep: ['-aboE', pattern],
});

const CASES: readonly Case[] = [
  { title: `text ${PLANTED}`, what: text(PLANTED), grep: ['-abo', PLANTED] },
  { title: 'text, none', what: text('StillFrame#9'), grep: ['-abo', 'StillFrame#9'] },
  { title: 'text, either case', what: text('sTILLfRAME#7', true), grep: ['-aboi', 'sTILLfRAME#7'] },
  regex('Still[A-Z][a-z]+#[0-9]'),
  regex('[A-Z][a-z]+Frame#[0-9]'),
  regex('(still|Still|STILL)Frame#[0-9]+'),
  regex('[0-9]{3}-[0-9]{4}-[0-9]{4}'),
  regex('[a-z]+@[a-z]+[.]com'),
];

/** The bench; answers the exit code: 1 when a result differs. Ratios are for the reader to judge. */
export async function benchSearch(words: readonly string[]): Promise<number> {
  const { gib, rounds, cold, folder: given } = benchArguments(words, { gib: 4, rounds: 5 });
  const folder = given ?? (await makeTempDir('sfb'));
  const worker = await buildWorker();
  const lent = createFileRegistry();
  try {
    const files = await makeSearchFiles(folder, gib, PLANTED);
    const { lease, release } = await lent.lendPath(files.mapped);
    let differs = false;
    for (const one of CASES) {
      const times: Times = { ours: [], grep: [], cpu: [] };
      for (let round = 0; round < rounds; round++) {
        const fresh = async <T>(run: () => Promise<T>): Promise<T> => {
          await prepare(cold, files.raw, files.mapped);
          return run();
        };
        const [grep, ours] = await inOrder(
          round % 2 === 0 ? 'forwards' : 'backwards',
          () => fresh(() => runGrep(one.grep, files.raw)),
          () => fresh(() => runOurs(worker.file, lease, one.what)),
        );
        times.ours.push(ours.ms);
        times.cpu.push(ours.cpu);
        times.grep.push(grep.ms);
        if (ours.offsets.join() !== grep.offsets.join()) {
          differs = true;
          console.log(`${one.title}: ${ours.offsets.length} hits, grep has ${grep.offsets.length}, or others`);
        }
      }
      report(one.title, gib, times);
    }
    await release();
    return differs ? 1 : 0;
  } finally {
    await worker.remove();
    if (given === null) await removeTempDir(folder);
  }
}

/** Runs both, one after the other. In turns, so that neither always comes first. */
async function inOrder<A, B>(
  order: 'forwards' | 'backwards',
  a: () => Promise<A>,
  b: () => Promise<B>,
): Promise<readonly [A, B]> {
  if (order === 'forwards') return [await a(), await b()];
  const last = await b();
  return [await a(), last];
}

/**
 * Has to come before every single run: of two greps behind one eviction the second had 0.84 of the first's speed (medians of
 * 8, in a virtual machine), behind one each they had the same. Likely because memory that lay free for some seconds had gone
 * back to the host (free page reporting).
 */
async function prepare(cold: boolean, ...paths: readonly string[]): Promise<void> {
  for (const path of paths) await (cold ? evict(path) : fillCache(path));
}

function report(title: string, gib: number, { ours, grep, cpu }: Times): void {
  const rate = (ms: number): string => ((gib * 1.073741824) / (ms / 1000)).toFixed(2);
  const [us, them] = [median(ours), median(grep)];
  console.log(
    `${title.padEnd(44)} ours ${rate(us)} GB/s (${us.toFixed(0)} ms, CPU at least ${Math.min(...cpu).toFixed(0)} ms), grep ${rate(them)} GB/s, ratio ${(them / us).toFixed(2)}`,
  );
}

/** The places that our workers find, and the time from the first unit to the last. */
async function runOurs(file: string, lease: Lease, what: SearchWhat): Promise<OurRun> {
  const workers = await Promise.all(Array.from({ length: WORKERS }, () => startThreadWorker(file, 'bench')));
  const apis = workers.map(({ api }) => api);
  const [plan] = await Promise.all(apis.map((api) => api.openSearch(lease, { what, ranges: null }, [])));
  if (plan === undefined) throw new Error('no worker');
  const offsets: number[] = [];
  const began = performance.now();
  const cpu = process.cpuUsage();
  for await (const { hits } of driveSearch(apis, plan, { most: Infinity, apart: readNeedle(what).kind === 'regex' })) {
    for (const hit of hits) offsets.push(hit.blockOffset);
  }
  const ms = performance.now() - began;
  const used = process.cpuUsage(cpu);
  for (const each of workers) each.stop();
  await Promise.all(workers.map(({ ended }) => ended));
  return { ms, offsets, cpu: (used.user + used.system) / 1000 };
}

/** grep's places, and the time from its start to its end. Its output comes through a pipe. */
async function runGrep(args: readonly string[], path: string): Promise<Run> {
  const began = performance.now();
  const child = spawn('grep', [...args, path], {
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('latin1');
  child.stdout.on('data', (chunk: string) => (output += chunk));
  await once(child, 'close');
  const ms = performance.now() - began;
  return {
    ms,
    offsets: output
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => Number(line.split(':')[0])),
  };
}
