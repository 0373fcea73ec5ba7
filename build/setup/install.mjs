import { aptCommands, hasApt, installWithApt } from './apt.mjs';
import { which } from './run.mjs';
import { SetupError, shellLine } from './say.mjs';
import { lookAround } from './system.mjs';

/** @typedef {import('./system.mjs').Need} Need */

/** Package managers that set-up knows the names for but leaves to the person. */
const OTHERS = /** @type {const} */ ({
  dnf: ['dnf', 'install'],
  pacman: ['pacman', '-S', '--needed'],
  zypper: ['zypper', 'install'],
});

/**
 * Makes the programs and libraries of `purpose` available, or says which command does.
 * @param {import('./system.mjs').Purpose} purpose
 * @param {{ yes: boolean }} options   `yes`: install through sudo when not root
 * @returns {Promise<string>} the version of QEMU
 */
export async function provideSystem(purpose, { yes }) {
  const before = await lookAround(purpose);
  if (before.missing.length === 0) return before.qemu?.version ?? '';
  const root = process.getuid?.() === 0;
  const allowed = root || (yes && which('sudo') !== null);
  if (!hasApt() || !allowed) throw await missingError(before);
  await installWithApt(before.missing, root ? [] : ['sudo', '--preserve-env=DEBIAN_FRONTEND,LC_ALL']);
  const after = await lookAround(purpose);
  if (after.missing.length > 0) throw await missingError(after);
  return after.qemu?.version ?? '';
}

/** @param {Awaited<ReturnType<typeof lookAround>>} found */
async function missingError({ missing, qemu }) {
  const names = missing.map(({ what }) =>
    what.startsWith('QEMU') && qemu ? `${what} (there is ${qemu.version})` : what,
  );
  return new SetupError(`Missing: ${names.join(', ')}.`, await commandsFor(missing));
}

/**
 * The exact commands for this machine; none where its package manager is not known.
 * @param {readonly Need[]} missing
 * @returns {Promise<string[]>}
 */
async function commandsFor(missing) {
  if (hasApt()) return aptCommands(missing);
  for (const manager of /** @type {(keyof typeof OTHERS)[]} */ (Object.keys(OTHERS))) {
    if (which(manager) === null) continue;
    return [shellLine(['sudo', ...OTHERS[manager], ...missing.flatMap((need) => need.packages[manager])])];
  }
  return [];
}
