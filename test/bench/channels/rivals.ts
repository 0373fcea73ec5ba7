/** What our channels are measured against: a C program that does the same, and fio. */
import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Measured } from './table';

const run = promisify(execFile);
const SOURCE = 'test/bench/channels/copy_ref.c';

/** Packages of Debian that are missing, by what they bring. */
export async function missingPackages(folder: string): Promise<readonly string[]> {
  const probe = join(folder, 'probe.c');
  await writeFile(probe, '#include <xxhash.h>\n');
  const answers = (program: string, words: readonly string[]): Promise<boolean> =>
    run(program, words).then(
      () => true,
      () => false,
    );
  const there = {
    gcc: await answers('gcc', ['--version']),
    fio: await answers('fio', ['--version']),
    'libxxhash-dev': await answers('gcc', ['-fsyntax-only', probe]),
  };
  return Object.entries(there).flatMap(([name, found]) => (found ? [] : [name]));
}

/** Builds the C program into a folder; answers its path. */
export async function buildReference(folder: string): Promise<string> {
  const program = join(folder, 'copy_ref');
  await run('gcc', ['-O3', '-march=native', '-pthread', '-o', program, SOURCE]);
  return program;
}

export interface ReferenceRun {
  readonly direction: 'save' | 'load';
  readonly ram: string;
  readonly file: string;
  readonly bytes: number;
  readonly channels: number;
  /** Of a load: the file with the bits of the pages to copy. */
  readonly pages: string;
}

/** One run of the C program. A save is with digests. Its target is new, and stays. */
export async function runReference(program: string, given: ReferenceRun): Promise<Measured> {
  const { direction, ram, file, bytes, channels, pages } = given;
  const last = direction === 'save' ? '1' : pages;
  const { stdout } = await run(program, [direction, ram, file, String(bytes), String(channels), last]);
  const { seconds, cpu, bytes: copied } = JSON.parse(stdout) as { seconds: number; cpu: number; bytes: number };
  return { seconds, cpuSeconds: cpu, bytes: copied };
}

interface FioReport {
  readonly jobs: readonly {
    readonly usr_cpu: number;
    readonly sys_cpu: number;
    readonly write: { readonly runtime: number; readonly io_bytes: number };
  }[];
}

/** fio writing `bytes` directly into a new file, from buffers as it has them; the file is removed. */
export async function runFio(file: string, bytes: number, jobs: number, blockBytes: number): Promise<Measured> {
  const each = bytes / jobs;
  const { stdout } = await run('fio', [
    '--name=write',
    `--filename=${file}`,
    '--rw=write',
    '--direct=1',
    '--ioengine=psync',
    '--thread',
    '--end_fsync=1',
    '--group_reporting',
    '--output-format=json',
    `--bs=${blockBytes}`,
    `--size=${each}`,
    `--numjobs=${jobs}`,
    `--offset_increment=${each}`,
  ]);
  await rm(file);
  // What it says before the report is for people.
  const { jobs: done } = JSON.parse(stdout.slice(stdout.indexOf('{'))) as FioReport;
  const seconds = Math.max(...done.map(({ write }) => write.runtime)) / 1000;
  const cpuPercent = done.reduce((sum, job) => sum + job.usr_cpu + job.sys_cpu, 0);
  return {
    seconds,
    cpuSeconds: (cpuPercent / 100) * seconds * jobs,
    bytes: done.reduce((sum, { write }) => sum + write.io_bytes, 0),
  };
}
