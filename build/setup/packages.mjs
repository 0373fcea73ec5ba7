import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastWords, npmCommand, run } from './run.mjs';
import { ROOT, SetupError, say } from './say.mjs';

/**
 * @typedef {{ version?: string, integrity?: string, optional?: boolean, link?: boolean }} LockedPackage
 * @typedef {Record<string, LockedPackage>} Packages
 */

/**
 * @param {string} file
 * @returns {Packages | null} null when there is no such file or it is half written
 */
function packagesOf(file) {
  try {
    const { packages } = JSON.parse(readFileSync(file, 'utf8'));
    return packages ?? null;
  } catch {
    return null;
  }
}

/**
 * Whether what npm installed is what the lock file asks for. npm itself leaves the stamp: `node_modules/.package-lock.json`,
 * written last, lists what is there. Optional packages of other platforms are in the lock file only.
 * @param {string} [root]
 */
export function packagesAreCurrent(root = ROOT) {
  const wanted = packagesOf(join(root, 'package-lock.json'));
  const present = packagesOf(join(root, 'node_modules', '.package-lock.json'));
  if (!wanted || !present) return false;
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const found = present[path];
    if (found === undefined && entry.optional) continue;
    if (found?.version !== entry.version || found?.integrity !== entry.integrity) return false;
  }
  return Object.keys(present).every((path) => wanted[path] !== undefined);
}

/** Installs the npm packages that the lock file names. */
export async function installPackages() {
  const started = performance.now();
  say('installing the npm packages of package-lock.json (about half a minute)');
  const npm = npmCommand();
  const result = await run(npm.program, [...npm.args, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: ROOT,
    timeoutMs: 15 * 60_000,
  });
  if (result.code !== 0)
    throw new SetupError(`npm ci ${lastWords(result)}\nThe packages are not installed.`, ['npm ci']);
  say(`npm packages installed in ${Math.round((performance.now() - started) / 1000)} s`);
}
