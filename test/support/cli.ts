/** The built `stillframe` command (out/main/cli.js) as a process of its own, on folders of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { endProcess } from './processes';
import { makeTempDir, removeTempDir } from './temp';

const CLI = resolve(import.meta.dirname, '../../out/main/cli.js');
const LIMIT_MS = 60_000;

export interface CliResult {
  /** The exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as the one JSON document that it must be. */
  json(): unknown;
}

export interface RunningCli {
  readonly child: ChildProcess;
  readonly result: Promise<CliResult>;
  /** Everything on stderr so far. */
  stderr(): string;
}

export interface CliDesk {
  /** A folder for the test's own files. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs one command to its end; `stillframe start --demo` is `run('start', '--demo')`. */
  run(...args: readonly string[]): Promise<CliResult>;
  /** `stdout` may be a descriptor instead. */
  begin(args: readonly string[], options?: { readonly stdout?: 'pipe' | number }): RunningCli;
}

/** Call it at the top of a file: every test there then has a command with folders of its own, and none of its VMs survives. */
export function cliPerTest(): () => CliDesk {
  let desk: CliDesk | undefined;
  const begun: RunningCli[] = [];
  beforeEach(async () => {
    const folder = await makeTempDir('sfc');
    const env = {
      HOME: folder,
      STILLFRAME_DATA: join(folder, 'data'),
      STILLFRAME_LIBRARY: join(folder, 'library'),
      STILLFRAME_RUN: join(folder, 'run'),
    };
    await mkdir(join(folder, 'run'), { mode: 0o700 });
    const begin: CliDesk['begin'] = (args, options = {}) => {
      const command = beginCli(args, env, folder, options.stdout ?? 'pipe');
      begun.push(command);
      return command;
    };
    desk = { folder, env, begin, run: (...args) => begin(args).result };
  });
  afterEach(async () => {
    if (desk === undefined) return;
    // A test that failed half-way leaves its command running, which would go on writing into the folder.
    for (const { child } of begun) if (child.exitCode === null) child.kill('SIGKILL');
    await Promise.allSettled(begun.splice(0).map(({ result }) => result));
    for (const pid of await qemusBelow(desk.folder)) await endProcess(pid);
    await removeTempDir(desk.folder);
    desk = undefined;
  });
  return () => {
    if (desk === undefined) throw new Error('cliPerTest: asked outside a test');
    return desk;
  };
}

/** One command with an environment of the caller's, e.g. that of a running app (`appEnv`). */
export const runCli = (
  args: readonly string[],
  { env, cwd }: { readonly env: Readonly<Record<string, string>>; readonly cwd: string },
): Promise<CliResult> => beginCli(args, env, cwd, 'pipe').result;

function beginCli(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string,
  stdout: 'pipe' | number,
): RunningCli {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', stdout, 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const result = once(child, 'close', { signal: AbortSignal.timeout(LIMIT_MS) }).then(
    ([code]): CliResult => ({
      code: code as number | null,
      stdout: out,
      stderr: err,
      json: () => JSON.parse(out) as unknown,
    }),
    (error: unknown) => {
      child.kill('SIGKILL');
      throw new Error(`stillframe ${args.join(' ')} did not end: ${String(error)}\n${err}`);
    },
  );
  return { child, result, stderr: () => err };
}

/** QEMUs whose sockets are below `folder`: those that the test's commands started. */
export async function qemusBelow(folder: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return pids.filter((_, index) => /^[^\0]*qemu-system/.test(lines[index] ?? '') && lines[index]?.includes(folder));
}
