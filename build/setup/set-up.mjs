import { settledElectron, provideElectron } from './electron.mjs';
import { provideSystem } from './install.mjs';
import { withLock } from './lock.mjs';
import { installPackages, packagesAreCurrent } from './packages.mjs';
import { ROOT, SetupError, say } from './say.mjs';
import { lookAround } from './system.mjs';

const NODE_AT_LEAST = [20, 19];

/** @typedef {import('./system.mjs').Purpose} Purpose */

/**
 * Makes everything that `purpose` needs available, doing nothing where nothing is missing.
 * @param {Purpose} purpose
 * @param {{ yes?: boolean }} [options]
 * @returns {Promise<{ qemu: string, electron: string | null }>} the versions in use
 */
export async function setUp(purpose, { yes = false } = {}) {
  checkPlatform();
  const ready = await allThere(purpose);
  if (ready) return ready;
  return withLock(ROOT, () => provide(purpose, yes), {
    onWait: () => say('another set-up is at work in this checkout; waiting for it'),
  });
}

/**
 * @param {Purpose} purpose
 * @returns {Promise<{ qemu: string, electron: string | null } | null>}
 */
async function allThere(purpose) {
  if (!packagesAreCurrent()) return null;
  const electron = purpose === 'cli' ? null : settledElectron();
  if (purpose !== 'cli' && electron === null) return null;
  const { qemu, missing } = await lookAround(purpose);
  return missing.length === 0 ? { qemu: qemu?.version ?? '', electron } : null;
}

/**
 * Programs and libraries first: Electron, which comes last, is tried out before it is used.
 * @param {Purpose} purpose
 * @param {boolean} yes
 */
async function provide(purpose, yes) {
  const qemu = await provideSystem(purpose, { yes });
  if (!packagesAreCurrent()) await installPackages();
  if (purpose === 'cli') return { qemu, electron: null };
  return { qemu, electron: settledElectron() ?? (await provideElectron()) };
}

function checkPlatform() {
  if (process.platform !== 'linux') {
    throw new SetupError(`Stillframe runs on Linux; this is ${process.platform}.`);
  }
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [wantMajor = 0, wantMinor = 0] = NODE_AT_LEAST;
  if (major < wantMajor || (major === wantMajor && minor < wantMinor)) {
    throw new SetupError(
      `Stillframe needs Node ${NODE_AT_LEAST.join('.')} or newer; this is ${process.versions.node}.`,
    );
  }
}

/**
 * Ends the process the way every script here does: a set-up error is a text for people, anything else is a fault.
 * @param {unknown} error
 * @returns {never}
 */
export function giveUp(error) {
  process.stderr.write(
    `${error instanceof SetupError ? error.toText() : String(error instanceof Error ? error.stack : error)}\n`,
  );
  process.exit(2);
}
