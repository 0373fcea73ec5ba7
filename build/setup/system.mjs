import { connect } from 'node:net';
import { run, which } from './run.mjs';

/**
 * @typedef {'cli' | 'start' | 'test'} Purpose
 * @typedef {'apt' | 'dnf' | 'pacman' | 'zypper'} PackageManager
 *
 * @typedef {object} Need
 * @property {string} what                            what to call it in a message
 * @property {readonly Purpose[]} for
 * @property {{ program: string } | { library: string }} find
 * @property {Record<PackageManager, readonly string[]>} packages  one name, or the names of several releases, newest first
 */

/** The oldest QEMU with mapped-ram. */
export const QEMU_AT_LEAST = [9, 0];
export const QEMU_PROGRAM = 'qemu-system-x86_64';

/** @type {readonly Need[]} */
export const NEEDS = [
  {
    what: 'QEMU ≥ 9.0',
    for: ['cli', 'start', 'test'],
    find: { program: QEMU_PROGRAM },
    packages: {
      apt: ['qemu-system-x86'],
      dnf: ['qemu-system-x86-core'],
      pacman: ['qemu-system-x86'],
      zypper: ['qemu-x86'],
    },
  },
  {
    what: 'qemu-img',
    for: ['cli', 'start', 'test'],
    find: { program: 'qemu-img' },
    packages: { apt: ['qemu-utils'], dnf: ['qemu-img'], pacman: ['qemu-img'], zypper: ['qemu-img'] },
  },
  library('GTK 3', 'libgtk-3.so.0', ['libgtk-3-0t64', 'libgtk-3-0'], 'gtk3', 'gtk3', 'libgtk-3-0'),
  library('NSS', 'libnss3.so', ['libnss3'], 'nss', 'nss', 'mozilla-nss'),
  library('ALSA', 'libasound.so.2', ['libasound2t64', 'libasound2'], 'alsa-lib', 'alsa-lib', 'libasound2'),
  library('GBM', 'libgbm.so.1', ['libgbm1'], 'mesa-libgbm', 'mesa', 'libgbm1'),
  tool('Xvfb', ['xvfb'], 'xorg-x11-server-Xvfb', 'xorg-server-xvfb', 'xorg-x11-server-Xvfb'),
  tool('xauth', ['xauth'], 'xorg-x11-xauth', 'xorg-xauth', 'xauth'),
  tool('nasm', ['nasm'], 'nasm', 'nasm', 'nasm'),
  tool('gdb', ['gdb'], 'gdb', 'gdb', 'gdb'),
  tool('readelf', ['binutils'], 'binutils', 'binutils', 'binutils'),
];

/**
 * A library that Electron loads.
 * @param {string} what
 * @param {string} soname
 * @param {readonly string[]} apt
 * @param {string} dnf
 * @param {string} pacman
 * @param {string} zypper
 * @returns {Need}
 */
function library(what, soname, apt, dnf, pacman, zypper) {
  const packages = { apt, dnf: [dnf], pacman: [pacman], zypper: [zypper] };
  return { what: `${what} (${soname})`, for: ['start', 'test'], find: { library: soname }, packages };
}

/**
 * A program that only the tests run.
 * @param {string} program
 * @param {readonly string[]} apt
 * @param {string} dnf
 * @param {string} pacman
 * @param {string} zypper
 * @returns {Need}
 */
function tool(program, apt, dnf, pacman, zypper) {
  const packages = { apt, dnf: [dnf], pacman: [pacman], zypper: [zypper] };
  return { what: program, for: ['test'], find: { program }, packages };
}

/**
 * @param {string} text       what `qemu-system-x86_64 --version` prints, or a Debian package version
 * @returns {{ version: string, good: boolean } | null}
 */
export function qemuVersionIn(text) {
  const match = /(?:version |^\d+:|^)(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  if (!match) return null;
  const [, major = '', minor = '', patch = '0'] = match;
  const [wantMajor = 0, wantMinor = 0] = QEMU_AT_LEAST;
  const good = Number(major) > wantMajor || (Number(major) === wantMajor && Number(minor) >= wantMinor);
  return { version: `${major}.${minor}.${patch}`, good };
}

/** The version of the QEMU on the PATH; null when there is none or it does not run. */
export async function installedQemu() {
  const program = which(QEMU_PROGRAM);
  if (!program) return null;
  const { stdout } = await run(program, ['--version'], { timeoutMs: 20_000 });
  return qemuVersionIn(stdout);
}

/**
 * The names of the shared libraries that the loader knows for this processor; null where there is no ldconfig to ask.
 * @returns {Promise<ReadonlySet<string> | null>}
 */
export async function knownLibraries() {
  const ldconfig = which('ldconfig');
  if (!ldconfig) return null;
  const { stdout } = await run(ldconfig, ['-p']);
  const tag = process.arch === 'arm64' ? 'AArch64' : 'x86-64';
  const names = new Set();
  for (const line of stdout.split('\n')) {
    const match = /^\s+(\S+) \(([^)]*)\)/.exec(line);
    if (match?.[2]?.includes(tag)) names.add(match[1]);
  }
  return names;
}

/**
 * What is missing for a purpose, and the QEMU that is there.
 * @param {Purpose} purpose
 */
export async function lookAround(purpose) {
  const [qemu, libraries] = await Promise.all([installedQemu(), knownLibraries()]);
  const missing = NEEDS.filter((need) => {
    if (!need.for.includes(purpose)) return false;
    if ('library' in need.find) return libraries !== null && !libraries.has(need.find.library);
    if (need.find.program === QEMU_PROGRAM) return !qemu?.good;
    return which(need.find.program) === null;
  });
  return { qemu, missing };
}

/**
 * Whether an X server answers at DISPLAY: Electron ends with SIGSEGV where none does.
 * @param {string | undefined} display
 * @returns {Promise<string | null>} what is wrong; null when nothing is
 */
export async function displayTrouble(display) {
  if (display === undefined || display === '') return 'There is no X display (DISPLAY is not set).';
  const match = /^(.*):(\d+)(?:\.\d+)?$/.exec(display);
  if (!match) return `DISPLAY is "${display}", which names no X display.`;
  const [, host = '', number = ''] = match;
  const local = host === '' || host === 'unix';
  const addresses = local
    ? [{ path: `/tmp/.X11-unix/X${number}` }, { path: `\0/tmp/.X11-unix/X${number}` }]
    : [{ host, port: 6000 + Number(number) }];
  const answers = await Promise.all(addresses.map(answersAt));
  return answers.includes(true) ? null : `No X server answers at DISPLAY=${display}.`;
}

/**
 * @param {import('node:net').NetConnectOpts} address
 * @returns {Promise<boolean>}
 */
function answersAt(address) {
  return new Promise((resolve) => {
    const socket = connect({ ...address, timeout: 2_000 });
    /** @param {boolean} answer */
    const done = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('connect', () => done(true));
    socket.on('error', () => done(false));
    socket.on('timeout', () => done(false));
  });
}
