import { existsSync } from 'node:fs';
import { readFile, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../setup/run.mjs';

/** What the tools themselves leave in the temporary folder. */
const OF_TOOLS = /^(playwright-|node-compile-cache|\.org\.chromium\.|scoped_dir|report-|notes|home$)/;
/** Where running VMs are kept when there is no XDG_RUNTIME_DIR. The test of that default makes it. */
const DEFAULT_RUN_FOLDER = `/tmp/stillframe-${process.getuid?.() ?? 0}`;
/** A process that has just been told to end is given this long. */
const GRACE_MS = 3_000;

/** What has to be known before the run: what is there already is nobody's fault. */
export const lookBefore = () => ({ hasRunFolder: existsSync(DEFAULT_RUN_FOLDER) });

/**
 * What a test run left on the machine: processes, mounts and files that name its temporary folder (every test's folder
 * and socket is below it, and it is in the environment of everything that was started).
 * @param {string} temp
 * @param {ReturnType<typeof lookBefore>} before
 * @returns {Promise<string[]>} a line each
 */
export async function findLeftovers(temp, before) {
  let processes = await processesOf(temp);
  for (const deadline = performance.now() + GRACE_MS; processes.length > 0 && performance.now() < deadline;) {
    await sleep(200);
    processes = await processesOf(temp);
  }
  const mounts = await mountsBelow(temp);
  // Removed only when it is empty; what is in it would be a VM that a test forgot.
  if (!before.hasRunFolder) await rmdir(DEFAULT_RUN_FOLDER).catch(() => undefined);
  const files = (await readdir(temp)).filter((name) => !OF_TOOLS.test(name));
  return [
    ...processes.map(({ pid, command }) => `process ${pid} still runs: ${command}`),
    ...mounts.map((place) => `still mounted: ${place}`),
    ...files.map((name) => `file left: ${join(temp, name)}`),
    ...(!before.hasRunFolder && existsSync(DEFAULT_RUN_FOLDER) ? [`folder left: ${DEFAULT_RUN_FOLDER}`] : []),
  ];
}

/**
 * Ends and removes what a test run left, and its temporary folder.
 * @param {string} temp
 */
export async function removeLeftovers(temp) {
  for (const { pid } of await processesOf(temp)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
  for (const place of (await mountsBelow(temp)).reverse()) await run('umount', ['-l', place]);
  await rm(temp, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

/**
 * @param {string} temp
 * @returns {Promise<{ pid: number, command: string }[]>}
 */
async function processesOf(temp) {
  const found = [];
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      const [command, environment] = await Promise.all([
        readFile(`/proc/${pid}/cmdline`, 'latin1'),
        readFile(`/proc/${pid}/environ`, 'latin1'),
      ]);
      // A zombie has neither.
      if (command.includes(temp) || environment.includes(temp)) {
        found.push({ pid, command: command.replaceAll('\0', ' ').trim().slice(0, 200) });
      }
    } catch {
      // It has ended, or belongs to somebody else.
    }
  }
  return found;
}

/** @param {string} temp */
async function mountsBelow(temp) {
  const table = await readFile('/proc/self/mounts', 'utf8');
  return table.split('\n').flatMap((line) => {
    const place = line.split(' ')[1];
    return place?.startsWith(`${temp}/`) ? [place] : [];
  });
}
