import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { backportsFile, readSources } from './apt-sources.mjs';
import { lastWords, run, which } from './run.mjs';
import { SetupError, say, shellLine } from './say.mjs';
import { qemuVersionIn } from './system.mjs';

/** How long another package manager may hold apt's locks. */
const LOCK_LIMIT_MS = 5 * 60_000;
const BACKPORTS_FILE = '/etc/apt/sources.list.d/stillframe-backports.sources';
const APT_ENV = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
const INSTALL = ['install', '-y', '-q', '--no-install-recommends', '-o', `DPkg::Lock::Timeout=${LOCK_LIMIT_MS / 1000}`];

/** @typedef {import('./system.mjs').Need} Need */

/**
 * Installs what is missing from apt.
 * @param {readonly Need[]} missing
 * @param {readonly string[]} sudo   the words before a command that needs root: none, or `sudo`
 */
export async function installWithApt(missing, sudo) {
  say(`missing: ${missing.map(({ what }) => what).join(', ')}; asking apt`);
  await apt(sudo, ['update', '-q']);
  const plan = await planFor(missing);
  const backports = plan.backports;
  if (backports?.file) {
    say(`adding ${backports.suite} to apt (${BACKPORTS_FILE}): this release's own QEMU is older than 9.0`);
    const written = await run(first([...sudo, 'tee', BACKPORTS_FILE]), rest([...sudo, 'tee', BACKPORTS_FILE]), {
      input: backports.file,
    });
    if (written.code !== 0) throw new SetupError(`${BACKPORTS_FILE} could not be written: ${lastWords(written)}`);
    await apt(sudo, ['update', '-q']);
  }
  for (const argv of installCommands(plan)) {
    say(`apt installs ${argv.filter((word) => plan.all.includes(word)).join(' ')}`);
    await apt(sudo, argv);
  }
}

/**
 * The commands that would install what is missing, for a person who has to run them.
 * @param {readonly Need[]} missing
 * @returns {Promise<string[]>}
 */
export async function aptCommands(missing) {
  const plan = await planFor(missing);
  const sudo = process.getuid?.() === 0 ? [] : ['sudo'];
  const lines = [];
  if (plan.backports?.file) {
    const content = shellLine(plan.backports.file.trimEnd().split('\n'));
    lines.push(`printf '%s\\n' ${content} | ${shellLine([...sudo, 'tee', BACKPORTS_FILE])}`);
  }
  lines.push(shellLine([...sudo, 'apt-get', 'update']));
  for (const argv of installCommands(plan)) {
    const spare = new Set(['-y', '-q', '-o', INSTALL.at(-1)]);
    lines.push(shellLine([...sudo, 'apt-get', ...argv.filter((word) => !spare.has(word))]));
  }
  return lines;
}

/**
 * @typedef {object} Plan
 * @property {readonly string[]} own       packages from the release itself
 * @property {readonly string[]} newer     packages from its backports
 * @property {readonly string[]} all
 * @property {{ suite: string, file: string | null } | null} backports   `file`: what to add to apt; null when it is there
 */

/** @param {readonly Need[]} missing @returns {Promise<Plan>} */
async function planFor(missing) {
  const wantsQemu = missing.some(({ packages }) => packages.apt.includes('qemu-system-x86'));
  const own = [];
  const newer = [];
  const backports = wantsQemu ? await backportsFor('qemu-system-x86') : null;
  for (const need of missing) {
    const name = await knownName(need.packages.apt);
    // QEMU and its tools come from the same release.
    if (backports && name.startsWith('qemu-')) newer.push(name);
    else own.push(name);
  }
  return { own, newer, all: [...own, ...newer], backports };
}

/** @param {Plan} plan */
function installCommands(plan) {
  const commands = [];
  if (plan.own.length > 0) commands.push([...INSTALL, ...plan.own]);
  if (plan.backports && plan.newer.length > 0) commands.push([...INSTALL, '-t', plan.backports.suite, ...plan.newer]);
  return commands;
}

/**
 * The first of several names that apt can install. Where it knows none (its lists may be empty) it is the newest one, but
 * for the releases that still have the old names.
 * @param {readonly string[]} names
 */
async function knownName(names) {
  for (const name of names) if ((await candidate(name)) !== null) return name;
  const { codename } = osRelease();
  return (codename === 'bookworm' ? names.at(-1) : names[0]) ?? '';
}

/**
 * The version that `apt-get install` would take.
 * @param {string} name
 * @returns {Promise<string | null>}
 */
async function candidate(name) {
  const { stdout } = await run('apt-cache', ['policy', name], { env: APT_ENV });
  const version = /^\s+Candidate: (\S+)/m.exec(stdout)?.[1];
  return version === undefined || version === '(none)' ? null : version;
}

/**
 * Whether QEMU has to come from backports, and from where.
 * @param {string} name
 * @returns {Promise<Plan['backports']>}
 */
async function backportsFor(name) {
  const version = await candidate(name);
  const { id, codename } = osRelease();
  // Without package lists nothing is known; only of Debian 12 and older it is known without them.
  if (version === null ? codename !== 'bookworm' : qemuVersionIn(version)?.good) return null;
  if (id !== 'debian' || codename === null) {
    throw new SetupError(
      `This release offers QEMU ${version}; Stillframe needs 9.0 or newer. Install a newer QEMU and put it on the PATH.`,
    );
  }
  const suite = `${codename}-backports`;
  const sources = readSources();
  if (sources.some((source) => source.suite === suite)) return { suite, file: null };
  const file = backportsFile(sources, codename);
  if (file === null) {
    throw new SetupError(
      `This release's own QEMU is older than 9.0, and apt's sources name no mirror of ${codename} whose backports could be added. Add ${suite} to /etc/apt/sources.list.d by hand.`,
    );
  }
  return { suite, file };
}

/** @returns {{ id: string | null, codename: string | null }} */
function osRelease() {
  let text = '';
  try {
    text = readFileSync('/etc/os-release', 'utf8');
  } catch {
    // Not there: nothing is known.
  }
  const field = (/** @type {string} */ name) => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? null;
  return { id: field('ID'), codename: field('VERSION_CODENAME') };
}

/**
 * Runs apt-get. The locks of the lists and of the archive cache know no waiting of their own (only dpkg's does), so a
 * run that finds them taken is tried again until the limit.
 * @param {readonly string[]} sudo
 * @param {readonly string[]} args
 */
async function apt(sudo, args) {
  const argv = [...sudo, 'apt-get', '-o', 'Dpkg::Use-Pty=0', ...args];
  const deadline = performance.now() + LOCK_LIMIT_MS;
  for (let said = false; ; said = true) {
    const result = await run(first(argv), rest(argv), { env: APT_ENV, timeoutMs: 20 * 60_000 });
    if (result.code === 0) return;
    const locked = /Could not get lock|Unable to lock|Unable to acquire the dpkg frontend lock/.test(result.stderr);
    if (!locked || performance.now() > deadline) {
      throw new SetupError(`apt-get ${args[0]} ${lastWords(result)}`, [shellLine(argv)]);
    }
    if (!said) say(`apt is in use by another program; waiting up to ${LOCK_LIMIT_MS / 60_000} minutes`);
    await sleep(2_000);
  }
}

const first = (/** @type {readonly string[]} */ [program = '']) => program;
const rest = (/** @type {readonly string[]} */ [, ...args]) => args;

/** Whether this machine's packages come from apt. */
export const hasApt = () => which('apt-get') !== null && which('dpkg-query') !== null;
