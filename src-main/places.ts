/**
 * Where things are kept: the same for the window and the command line, so that both see one library and the same running
 * VMs. No electron here.
 *
 * | what | default | instead |
 * | --- | --- | --- |
 * | data | `$XDG_DATA_HOME/stillframe`, else `~/.local/share/stillframe` | `STILLFRAME_DATA` |
 * | library | `library` in data | `STILLFRAME_LIBRARY` |
 * | run | `$XDG_RUNTIME_DIR/stillframe`, else `/tmp/stillframe-UID` | `STILLFRAME_RUN` |
 * | resources | given by the program that starts | `STILLFRAME_RESOURCES` |
 */
import { lstat, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { fail } from '@shared/contracts/failure';
import type { Places } from './services';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A unix socket's path holds 107 bytes; the names below the run folder need up to 40 of them. */
const maxRunPath = 67;

/** The XDG specification says that relative paths in its variables are to be ignored. */
const absolute = (path: string | undefined): string | null => (path !== undefined && isAbsolute(path) ? path : null);

const given = (path: string | undefined): string | null => (path === undefined || path === '' ? null : resolve(path));

/** The data folder, without touching the disk: Electron wants its own below it before anything else happens. */
export function dataFolder(env: Environment): string {
  const shared = absolute(env['XDG_DATA_HOME']) ?? join(homedir(), '.local', 'share');
  return given(env['STILLFRAME_DATA']) ?? join(shared, 'stillframe');
}

/**
 * All places, made where they were missing. `library`, when given, wins over everything.
 *
 * @throws StillframeError `file.no-access` when the run folder is not this user's alone: its sockets control VMs.
 */
export async function findPlaces(options: {
  readonly resources: string;
  readonly env: Environment;
  readonly library?: string;
}): Promise<Places> {
  const { env } = options;
  const data = dataFolder(env);
  const library = given(options.library) ?? given(env['STILLFRAME_LIBRARY']) ?? join(data, 'library');
  const run = given(env['STILLFRAME_RUN']) ?? (await runtimeFolder(env));
  const resources = given(env['STILLFRAME_RESOURCES']) ?? options.resources;
  if (Buffer.byteLength(run) > maxRunPath) {
    throw fail(
      'usage',
      'preparing the run folder',
      `this path is longer than ${maxRunPath} bytes, too long for the sockets in it`,
      'Set STILLFRAME_RUN to a shorter one.',
      { where: { path: run } },
    );
  }
  // One after the other: where both fail, the outer one is named.
  await makeFolder(data);
  await makeFolder(library);
  await makePrivate(run);
  return { data, library, run, resources };
}

/** `$XDG_RUNTIME_DIR` is not there in containers and under `su`; then a folder of the user's own in /tmp. */
async function runtimeFolder(env: Environment): Promise<string> {
  const runtime = absolute(env['XDG_RUNTIME_DIR']);
  const there = runtime === null ? null : await lstat(runtime).catch(() => null);
  if (runtime !== null && there?.isDirectory() === true && there.uid === process.getuid?.()) {
    return join(runtime, 'stillframe');
  }
  return `/tmp/stillframe-${process.getuid?.() ?? 0}`;
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw fail('file.no-access', 'making a folder', 'it cannot be made', 'Check the folder above it.', {
      where: { path },
      cause,
    });
  }
}

/** In /tmp anybody may have made a folder of this name first, to read along or to plant a socket. */
async function makePrivate(path: string): Promise<void> {
  await makeFolder(path);
  const found = await lstat(path);
  const wrong = !found.isDirectory()
    ? 'it is not a folder'
    : found.uid !== process.getuid?.()
      ? `it belongs to user ${found.uid}`
      : (found.mode & 0o077) !== 0
        ? `others may enter it (mode ${(found.mode & 0o777).toString(8)})`
        : null;
  if (wrong === null) return;
  throw fail('file.no-access', 'preparing the run folder', wrong, 'Remove it, or set STILLFRAME_RUN.', {
    where: { path },
  });
}
