import { lookup } from 'node:dns/promises';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './say.mjs';
import { unzip } from './unzip.mjs';

const PROBE_LIMIT_MS = 5_000;
const DOWNLOAD_LIMIT_MS = 10 * 60_000;
/** Where official builds are published; ELECTRON_MIRROR names another place. */
const OFFICIAL = 'https://github.com/electron/electron/releases/download/';

/**
 * The official build, in `<work>/dist`, checked against the sums that the `electron` package carries.
 * @param {string} version
 * @param {string} work   an empty folder
 */
export async function downloadOfficial(version, work) {
  const electron = createRequire(join(ROOT, 'package.json')).resolve('electron/package.json');
  const getter = createRequire(electron).resolve('@electron/get');
  /** @type {{ downloadArtifact(details: object): Promise<string> }} */
  const { downloadArtifact } = await import(pathToFileURL(getter).href);
  const remoteSums = process.env.electron_use_remote_checksums !== undefined;
  const zip = await limited(
    downloadArtifact({
      version,
      artifactName: 'electron',
      platform: process.platform,
      arch: process.arch,
      cacheRoot: process.env.electron_config_cache,
      checksums: remoteSums ? undefined : JSON.parse(readFileSync(join(dirname(electron), 'checksums.json'), 'utf8')),
    }),
    DOWNLOAD_LIMIT_MS,
    `the download took over ${DOWNLOAD_LIMIT_MS / 60_000} minutes`,
  );
  const dist = join(work, 'dist');
  await unzip(zip, dist, (name) => name);
  writeFileSync(join(dist, 'version'), version);
  return dist;
}

/**
 * Why the download host cannot be reached; null when it answers, or when a proxy stands between and only the download
 * itself can tell.
 */
export async function downloadTrouble() {
  const { ELECTRON_MIRROR, ELECTRON_GET_USE_PROXY, HTTPS_PROXY, https_proxy } = process.env;
  if (ELECTRON_GET_USE_PROXY || HTTPS_PROXY || https_proxy) return null;
  const { hostname, port, protocol } = new URL(ELECTRON_MIRROR ?? OFFICIAL);
  try {
    await limited(
      answers(hostname, Number(port) || (protocol === 'http:' ? 80 : 443)),
      PROBE_LIMIT_MS,
      `${hostname} does not answer within ${PROBE_LIMIT_MS / 1000} s`,
    );
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * @param {string} hostname
 * @param {number} port
 */
async function answers(hostname, port) {
  const { address } = await lookup(hostname);
  await new Promise((resolve, reject) => {
    const socket = connect({ port, host: address, timeout: PROBE_LIMIT_MS });
    socket.on('timeout', () => socket.destroy(new Error(`${hostname} does not answer`)));
    socket.on('error', reject).on('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
  });
}

/**
 * @template T
 * @param {Promise<T>} work
 * @param {number} limitMs
 * @param {string} message
 * @returns {Promise<T>}
 */
async function limited(work, limitMs, message) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(message)), limitMs);
  });
  try {
    return await Promise.race([work, /** @type {Promise<never>} */ (limit)]);
  } finally {
    clearTimeout(timer);
  }
}
