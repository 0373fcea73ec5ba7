/**
 * Things that tests make once and keep: unpacked packages, a guest's initial file system. They are in the user's cache
 * folder, since they outlive a test run and are the same for every checkout. Imports nothing from src-*.
 */
import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

const DAY_MS = 24 * 3600 * 1000;
const UNUSED_LIMIT_MS = 7 * DAY_MS;
/** Folders under work have six letters after this. */
const UNFINISHED = '.making';

const cacheFolder = (): string => {
  const base = process.env['XDG_CACHE_HOME'];
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'stillframe', 'tests');
};

/**
 * The folder for this name and version, made by `make` when it is not there. It is made aside and renamed, so one that is
 * there is whole; where two make it at once, the second throws its own away. Other versions go when nobody has used them
 * for a week.
 */
export async function madeOnce(
  name: string,
  version: string,
  make: (folder: string) => Promise<void>,
): Promise<string> {
  // A colon, as Debian's versions have it, would end the folder's name in a list of folders.
  const folder = join(cacheFolder(), `${name}_${version.replaceAll(/[^\w.+~-]/g, '_')}`);
  if (await touch(folder)) return folder;
  await mkdir(cacheFolder(), { recursive: true });
  const aside = await mkdtemp(join(cacheFolder(), `${UNFINISHED}_`));
  try {
    await make(aside);
    await rename(aside, folder);
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    if (!(await touch(folder))) throw error;
  }
  await touch(folder);
  await sweep(name, folder);
  return folder;
}

/** The folder that `madeOnce` gave last for this name; null when there is none. */
export async function lastMade(name: string): Promise<string | null> {
  const made = await foldersOf(name);
  return made.sort((a, b) => b.usedAt - a.usedAt)[0]?.path ?? null;
}

async function sweep(name: string, keep: string): Promise<void> {
  for (const { path, usedAt } of [...(await foldersOf(name)), ...(await foldersOf(UNFINISHED))]) {
    if (path !== keep && Date.now() - usedAt > UNUSED_LIMIT_MS) await rm(path, { recursive: true, force: true });
  }
}

async function foldersOf(name: string): Promise<{ readonly path: string; readonly usedAt: number }[]> {
  const names = await readdir(cacheFolder()).catch(() => []);
  const paths = names.filter((entry) => entry.startsWith(`${name}_`)).map((entry) => join(cacheFolder(), entry));
  const found = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        ({ mtimeMs }) => [{ path, usedAt: mtimeMs }],
        () => [],
      ),
    ),
  );
  return found.flat();
}

/** Notes that a folder is used now; false when it is not there. */
const touch = (folder: string): Promise<boolean> =>
  utimes(folder, new Date(), new Date()).then(
    () => true,
    () => false,
  );
