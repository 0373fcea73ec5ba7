/** Starting QEMU so that it outlives us, with two QMP sockets in a private folder. */
import { fail, StillframeError } from '@shared/contracts/failure';
import { spawn } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { keepFilesFromChildren } from '../files/close-on-exec';
import type { LaunchOptions, QemuProcess } from '../services';
import { MAX_SOCKET_PATH } from './libc';
import { escapeProperty, namesDisplay } from './options';
import { identify, killProcess, type ProcessIdentity } from './proc';
import { connectQmp, type QmpConnection } from './qmp';
import { checkRecipe, findProgram } from './recipe';

/** How long QEMU may take until it answers on its socket. A large RAM preallocated takes tens of seconds. */
const START_LIMIT_MS = 60_000;
const RETRY_CONNECT_MS = 15;
/** The number of the first inherited file: those before it are stdin, stdout and stderr. */
const FIRST_INHERITED = 3;
const STDERR_BYTES = 64 * 1024;
const EXTRA_FOLDER = '/tmp/stillframe-sockets-';

/** Files of a running VM inside its run folder. */
export const STDERR_LOG = 'stderr.log';

export interface Sockets {
  readonly qmp: string;
  readonly tools: string;
  /** A folder made only because the run folder's path is too long for a socket; to be removed with it. */
  readonly extraFolder: string | null;
}

/** A QEMU that has started and answers. */
export interface StartedQemu {
  readonly process: QemuProcess;
  readonly identity: ProcessIdentity;
  readonly qmp: QmpConnection;
}

export interface LaunchHooks {
  /** Called as soon as the process exists, before it answers: to write down its pid. */
  readonly spawned?: (identity: ProcessIdentity) => Promise<void>;
  readonly sockets?: Sockets;
}

/**
 * Starts a recipe in the private folder `dir`, which must exist, and returns once QEMU answers on its first QMP socket.
 * A bad recipe is `machine.bad-recipe`; a QEMU that ends early is `qemu.did-not-start` with its stderr, and nothing runs
 * then. Files in `inherit` stay the caller's to close.
 */
export async function launchQemu(options: LaunchOptions, dir: string, hooks: LaunchHooks = {}): Promise<StartedQemu> {
  checkRecipe(options.recipe);
  const program = await findProgram(options.recipe);
  const sockets = hooks.sockets ?? (await chooseSockets(dir));
  const log = join(dir, STDERR_LOG);
  const { pid, ended } = await spawnDetached(program, options, sockets, log);
  const stderr = (): Promise<string> => readTail(log);
  const identity = await identify(pid);
  try {
    if (identity === null) throw await didNotStart(await ended, stderr);
    await hooks.spawned?.(identity);
    const qmp = await connectWhileStarting(sockets.qmp, ended, stderr);
    const kill = async (): Promise<void> => {
      await killProcess(identity);
      await ended;
    };
    return {
      identity,
      qmp,
      process: { pid, qmpSocket: sockets.qmp, toolsSocket: sockets.tools, stderr, ended, kill },
    };
  } catch (error) {
    if (identity !== null) await killProcess(identity);
    // Sockets that were given stay the caller's, who may start once more.
    if (hooks.sockets === undefined) await removeExtraFolder(sockets);
    throw error;
  }
}

/**
 * Where the two sockets of a VM go: in its run folder, or, when that path is longer than the kernel's 107 bytes, in a
 * new private folder under /tmp.
 */
export async function chooseSockets(dir: string): Promise<Sockets> {
  const inside = (folder: string, extraFolder: string | null): Sockets => ({
    qmp: join(folder, 'qmp.sock'),
    tools: join(folder, 'tools.sock'),
    extraFolder,
  });
  if (Buffer.byteLength(inside(dir, null).tools) <= MAX_SOCKET_PATH) return inside(dir, null);
  try {
    const folder = await mkdtemp(EXTRA_FOLDER);
    return inside(folder, folder);
  } catch (error) {
    throw fail(
      'qemu.did-not-start',
      'starting the VM',
      `The path of its run folder is too long for a socket (${String(MAX_SOCKET_PATH)} bytes), and /tmp takes no folder`,
      'Set XDG_RUNTIME_DIR to a shorter path or make /tmp writable.',
      { where: { path: dir }, cause: error },
    );
  }
}

/** Removes the folder that `chooseSockets` made beside the run folder, if it did. */
export async function removeExtraFolder({ extraFolder }: Sockets): Promise<void> {
  const isOurs = extraFolder !== null && /^\w{6}$/.test(extraFolder.slice(EXTRA_FOLDER.length));
  if (isOurs && extraFolder.startsWith(EXTRA_FOLDER)) await rm(extraFolder, { recursive: true, force: true });
}

/** The whole command line after the program: the person's words first, ours after them. */
export function commandLineFor(options: LaunchOptions, sockets: Sockets): readonly string[] {
  const qmp = (path: string): readonly string[] => ['-qmp', `unix:${escapeProperty(path)},server=on,wait=off`];
  return [
    ...options.recipe.argv,
    ...(namesDisplay(options.recipe.argv) ? [] : ['-display', 'none']),
    ...qmp(sockets.qmp),
    ...qmp(sockets.tools),
    ...options.extraArgv,
    ...options.inherit.flatMap(({ argv }, index) => argv(FIRST_INHERITED + index)),
  ];
}

async function spawnDetached(
  program: string,
  options: LaunchOptions,
  sockets: Sockets,
  log: string,
): Promise<Pick<QemuProcess, 'pid' | 'ended'>> {
  const stderr = await open(log, 'w', 0o600);
  try {
    keepFilesFromChildren();
    const child = spawn(program, commandLineFor(options, sockets), {
      cwd: options.recipe.cwd,
      env: { ...process.env, ...options.recipe.env },
      // A session of its own: Ctrl-C in the terminal of the CLI does not reach the VM.
      detached: true,
      stdio: ['ignore', 'ignore', stderr.fd, ...options.inherit.map(({ fd }) => fd)],
    });
    // Listened for at once: a program that ends right away is gone before anything else here has been awaited.
    const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) =>
        reject(
          fail(
            'qemu.did-not-start',
            'starting the VM',
            `${program} cannot be run: ${error.message}`,
            'Check the program.',
            {
              where: { path: program },
              cause: error,
            },
          ),
        ),
      );
    });
    child.unref();
    return { pid: child.pid ?? 0, ended };
  } finally {
    await stderr.close();
  }
}

type Ended = Awaited<QemuProcess['ended']>;

async function connectWhileStarting(
  socket: string,
  ended: Promise<Ended>,
  stderr: () => Promise<string>,
): Promise<QmpConnection> {
  const until = Date.now() + START_LIMIT_MS;
  const early = ended.then(async (how) => Promise.reject(await didNotStart(how, stderr)));
  early.catch(() => undefined);
  for (;;) {
    const attempt = connectQmp(socket, { greetingMs: Math.max(1, until - Date.now()) });
    try {
      return await Promise.race([attempt, early]);
    } catch (error) {
      attempt.then(
        (late) => late.close(),
        () => undefined,
      );
      const again =
        error instanceof StillframeError &&
        (error.failure.code === 'qemu.gone' || error.failure.code === 'qemu.not-qmp');
      if (!again) throw error;
      if (Date.now() >= until) throw didNotAnswer(await stderr());
    }
    await Promise.race([new Promise((resolve) => setTimeout(resolve, RETRY_CONNECT_MS)), early]);
  }
}

async function didNotStart(how: Ended, stderr: () => Promise<string>): Promise<StillframeError> {
  const text = (await stderr()).trim();
  const ending = how.signal === null ? `with exit code ${String(how.code)}` : `by ${how.signal}`;
  const said = complaintIn(text);
  return fail(
    'qemu.did-not-start',
    'starting the VM',
    said === null ? `QEMU ended ${ending} before it answered` : `QEMU did not start: ${said}`,
    'Correct the recipe or what QEMU complains about.',
    { detail: text === '' ? `QEMU ended ${ending} and wrote nothing.` : text },
  );
}

/**
 * The error in what QEMU wrote to stderr, without QEMU's name before it; null when there is none. Lines that do not start
 * with that name are hints to the line before them, and warnings are no errors.
 */
export function complaintIn(stderr: string): string | null {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '' && !/^\S+: warning: /.test(line));
  const error = lines.findLast((line) => /^\S*qemu\S*: /.test(line)) ?? lines.at(-1);
  return error?.replace(/^\S*qemu\S*: /, '').replace(/[.?]+$/, '') ?? null;
}

function didNotAnswer(stderr: string): StillframeError {
  return fail(
    'qemu.did-not-start',
    'starting the VM',
    `QEMU did not answer within ${String(START_LIMIT_MS / 1000)} s and was ended`,
    'Look at what it wrote.',
    { detail: stderr },
  );
}

/** The last 64 KiB of a text file; empty when it cannot be read. */
export async function readTail(path: string): Promise<string> {
  try {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      const length = Math.min(size, STDERR_BYTES);
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch {
    return '';
  }
}
