/**
 * Compares two mapped-ram files whose pages are all present, and has fio read both: turn by turn, from the same state of the
 * page cache, in requests of the same size. One page in a hundred differs; the pages found are compared with those changed.
 */
import { execFile } from 'node:child_process';
import { copyFile, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createFileRegistry } from '../../src-main/files/registry';
import { startThreadWorker } from '../../src-main/workers/thread-worker';
import { driveDiff } from '../../src-shared/diff/drive';
import { buildWorker } from '../support/services';
import { makeTempDir, removeTempDir } from '../support/temp';
import { benchArguments, evict, fillCache, median } from './bench-files';
import { makeSearchFiles } from './search-files';

const WORKERS = 2;
const PAGE = 4096;
/** One page of so many differs. */
const APART = 100;
const MIB = 1024 * 1024;
/** What a worker reads at a time (src-worker/diff/compare.ts). */
const REQUEST = '1m';

/** The bench; answers the exit code: 1 when a result is wrong. Ratios are for the reader to judge. */
export async function benchDiff(words: readonly string[]): Promise<number> {
  const { gib, rounds, cold, folder: given } = benchArguments(words, { gib: 2, rounds: 5 });
  const folder = given ?? (await makeTempDir('sfb'));
  const worker = await buildWorker();
  const lent = createFileRegistry();
  try {
    const { mapped: a, raw } = await makeSearchFiles(folder, gib, 'StillFrame#7');
    const b = join(folder, `changed-${gib}`);
    const pages = (gib * 1024 * MIB) / PAGE;
    await makeChanged(a, b, (await stat(a)).size, (await stat(raw)).size, pages);
    const [leaseA, leaseB] = [await lent.lendPath(a), await lent.lendPath(b)];
    const times: { ours: number[]; cpu: number[]; one: number[]; two: number[] } = {
      ours: [],
      cpu: [],
      one: [],
      two: [],
    };
    let wrong = false;
    for (let round = 0; round < rounds; round++) {
      for (const jobs of [1, 2] as const) {
        for (const path of [a, b]) await (cold ? evict(path) : fillCache(path));
        times[jobs === 1 ? 'one' : 'two'].push(await fioMs(a, b, jobs));
      }
      for (const path of [a, b]) await (cold ? evict(path) : fillCache(path));
      const workers = await Promise.all(Array.from({ length: WORKERS }, () => startThreadWorker(worker.file, 'bench')));
      const plans = await Promise.all(workers.map(({ api }) => api.openDiff(leaseA.lease, leaseB.lease, null)));
      const [plan] = plans;
      if (plan === undefined) throw new Error('no worker');
      const began = performance.now();
      const cpu = process.cpuUsage();
      const blocks = await driveDiff(
        workers.map(({ api }) => api),
        plan,
      );
      times.ours.push(performance.now() - began);
      const used = process.cpuUsage(cpu);
      times.cpu.push((used.user + used.system) / 1000);
      for (const each of workers) each.stop();
      await Promise.all(workers.map(({ ended }) => ended));
      const found = blocks?.[0]?.ranges ?? [];
      if (
        found.length !== Math.ceil(pages / APART) ||
        found.some(([page, count], at) => page !== at * APART || count !== 1)
      ) {
        wrong = true;
        console.log(`${found.length} runs of pages differ, not those that were changed`);
      }
    }
    const rate = (ms: number): string => ((2 * gib * 1.073741824) / (ms / 1000)).toFixed(2);
    const ours = median(times.ours);
    console.log(
      `ours                 ${rate(ours)} GB/s (${ours.toFixed(0)} ms, CPU at least ${Math.min(...times.cpu).toFixed(0)} ms)`,
    );
    for (const [title, list] of [
      ['fio, one job', times.one],
      ['fio, a job each', times.two],
    ] as const) {
      console.log(`${title.padEnd(20)} ${rate(median(list))} GB/s, ratio ${(median(list) / ours).toFixed(2)}`);
    }
    await Promise.all([leaseA.release(), leaseB.release()]);
    return wrong ? 1 : 0;
  } finally {
    await worker.remove();
    if (given === null) await removeTempDir(folder);
  }
}

async function makeChanged(a: string, b: string, size: number, rawSize: number, pages: number): Promise<void> {
  if ((await stat(b).catch(() => null))?.size === size) return;
  await copyFile(a, b);
  const file = await open(b, 'r+');
  try {
    // The pages end where the tail begins; both files have the same.
    const header = Buffer.alloc(4096);
    await file.read(header, 0, header.length, 0);
    const record = header.indexOf('pc.ram') + 'pc.ram'.length;
    const pagesOffset = Number(header.readBigUInt64BE(record + 8 + 20));
    if (pagesOffset + rawSize > size) throw new Error('the file is not what it was made as');
    const byte = Buffer.alloc(1);
    for (let page = 0; page < pages; page += APART) {
      const at = pagesOffset + page * PAGE + (page % PAGE);
      await file.read(byte, 0, 1, at);
      await file.write(Buffer.of((byte[0] ?? 0) + 1 === 256 ? 0 : (byte[0] ?? 0) + 1), 0, 1, at);
    }
  } finally {
    await file.close();
  }
}

/** Milliseconds that fio takes to read both files, one after the other or by a job each; its start is not counted. */
async function fioMs(a: string, b: string, jobs: 1 | 2): Promise<number> {
  const read = [
    '--rw=read',
    `--bs=${REQUEST}`,
    '--ioengine=psync',
    '--readonly',
    '--output-format=json',
    '--invalidate=0',
  ];
  const files =
    jobs === 1
      ? ['--name=both', `--filename=${a}:${b}`, '--file_service_type=sequential']
      : ['--name=a', `--filename=${a}`, '--name=b', `--filename=${b}`];
  const { stdout } = await promisify(execFile)('fio', [...read, ...files], { maxBuffer: 64 * MIB });
  const report = JSON.parse(stdout.slice(stdout.indexOf('{'))) as { jobs: { read: { runtime: number } }[] };
  return Math.max(...report.jobs.map(({ read: { runtime } }) => runtime));
}
