// npm run build: src-* to out/. Built aside and swapped, so that a failed build leaves the last good one.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { withLock } from './setup/lock.mjs';
import { lastWords, run } from './setup/run.mjs';
import { ROOT, SetupError } from './setup/say.mjs';
import { giveUp } from './setup/set-up.mjs';

const OUT = join(ROOT, 'out');
const STAMP = join(OUT, 'stamp');
/** What the build is made of. `resources/` is read at run time, not built in. */
const SOURCES = ['src-main', 'src-renderer', 'src-shared', 'src-worker'];
const SETTINGS = ['electron.vite.config.ts', 'svelte.config.js', 'package.json', 'package-lock.json'];
const PARTS = ['main', 'preload', 'renderer'];
const NOT_BUILT = /\.test\.ts$/;

/**
 * A fingerprint of everything that goes into the build: names, sizes and times, no contents.
 * @param {string} [root]
 */
export function sourcesFingerprint(root = ROOT) {
  const hash = createHash('sha256');
  /** @param {string} path */
  const add = (path) => {
    const { size, mtimeMs } = statSync(join(root, path));
    hash.update(`${path}\0${size}\0${mtimeMs}\n`);
  };
  for (const folder of SOURCES) {
    const files = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !NOT_BUILT.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
    for (const file of files.sort()) add(file);
  }
  for (const file of SETTINGS) add(file);
  return hash.digest('hex');
}

/** Whether `out/` was built from the sources as they are now. */
export function buildIsCurrent() {
  if (!PARTS.every((part) => existsSync(join(OUT, part)))) return false;
  try {
    return readFileSync(STAMP, 'utf8') === sourcesFingerprint();
  } catch {
    return false;
  }
}

/**
 * Builds when the sources changed since `out/` was built.
 * @param {{ force?: boolean, say?: (text: string) => void }} [options]
 */
export async function bundle({ force = false, say = (text) => process.stderr.write(`build: ${text}\n`) } = {}) {
  if (!force && buildIsCurrent()) return;
  await withLock(OUT, () => build(force, say), { onWait: () => say('another build is running; waiting for it') });
}

/**
 * @param {boolean} force
 * @param {(text: string) => void} say
 */
async function build(force, say) {
  if (!force && buildIsCurrent()) return;
  const started = performance.now();
  const fingerprint = sourcesFingerprint();
  const next = join(OUT, `next-${process.pid}`);
  try {
    const vite = join(ROOT, 'node_modules', 'electron-vite', 'bin', 'electron-vite.js');
    const result = await run(process.execPath, [vite, 'build', '--outDir', next], { cwd: ROOT, timeoutMs: 5 * 60_000 });
    if (result.code !== 0) throw new SetupError(`The build failed; ${lastWords(result, 40)}`);
    await mkdir(OUT, { recursive: true });
    await rm(STAMP, { force: true });
    for (const part of PARTS) {
      await rm(join(OUT, part), { recursive: true, force: true });
      await rename(join(next, part), join(OUT, part));
    }
    await writeFile(STAMP, fingerprint);
  } finally {
    await rm(next, { recursive: true, force: true });
  }
  say(`out/ built in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await bundle({ force: true }).catch(giveUp);
}
