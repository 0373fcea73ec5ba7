// npm test: set-up, then every check and every test. The last line is `N passed, N failed`.
// --only checks|unit|vm|alone|e2e (may be given several times) runs a part.
import { mkdir, mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from './bundle.mjs';
import { SetupError, say } from './setup/say.mjs';
import { setUp } from './setup/set-up.mjs';
import { checkMountRights, outcomeOf, runChecks } from './testing/checks.mjs';
import { endJobs } from './testing/job.mjs';
import { findLeftovers, lookBefore, removeLeftovers } from './testing/leftovers.mjs';
import { STAGES, runStage } from './testing/stages.mjs';
import { isGood, lastLine, table, total } from './testing/tally.mjs';

/** @typedef {import('./testing/tally.mjs').Outcome} Outcome */

const DETAILS_AT_END = 12;

const started = performance.now();
/** @type {Outcome[]} */
const outcomes = [];
const only = partsAskedFor();

if (await prepared()) {
  const temp = await mkdtemp(join(tmpdir(), 'sf-'));
  const before = lookBefore();
  onSignals(temp);
  try {
    await runParts(temp, await environment(temp));
    add(outcomeOf('nothing left behind', performance.now(), await findLeftovers(temp, before)));
    for (const line of await notes(temp)) console.log(`note: ${line}`);
  } catch (error) {
    add(outcomeOf('test run', started, [String(error instanceof Error ? error.stack : error)]));
  } finally {
    await removeLeftovers(temp);
  }
}
finish();

/** @returns {ReadonlySet<string> | null} null: everything */
function partsAskedFor() {
  const { values } = parseArgs({ options: { only: { type: 'string', multiple: true } } });
  return values.only ? new Set(values.only) : null;
}

/** @param {string} part */
function wants(part) {
  return only === null || only.has(part);
}

/** Set-up; where it cannot be done, that is the one failure of the run. */
async function prepared() {
  try {
    const { qemu, electron } = await setUp('test');
    say(`Node ${process.versions.node}, QEMU ${qemu}, Electron ${electron}`);
    return true;
  } catch (error) {
    add(outcomeOf('set-up', started, [error instanceof SetupError ? error.toText() : String(error)]));
    return false;
  }
}

/**
 * The environment of every test: temporary files below `temp`, and never the user's own folders.
 * @param {string} temp
 */
async function environment(temp) {
  const home = join(temp, 'home');
  const folders = { XDG_DATA_HOME: 'data', XDG_CONFIG_HOME: 'config', XDG_STATE_HOME: 'state', XDG_RUNTIME_DIR: 'run' };
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, TMPDIR: temp, STILLFRAME_TEST_NOTES: join(temp, 'notes'), NO_COLOR: '1', TZ: 'UTC' };
  delete env.FORCE_COLOR;
  for (const [name, folder] of Object.entries(folders)) {
    env[name] = join(home, folder);
    await mkdir(join(home, folder), { recursive: true, mode: 0o700 });
  }
  return env;
}

/**
 * @param {string} temp
 * @param {NodeJS.ProcessEnv} env
 */
async function runParts(temp, env) {
  if (wants('checks')) {
    await runChecks(env, add);
    add(await checkMountRights(temp));
  } else {
    await bundle();
  }
  for (const stage of STAGES) {
    if (wants(stage.name)) add(await runStage(stage, env, temp));
  }
}

/** @param {Outcome} outcome */
function add(outcome) {
  outcomes.push(outcome);
  for (const line of table([outcome])) console.log(line);
}

/** What tests want known although they passed, e.g. a start that was tried twice. @param {string} temp */
async function notes(temp) {
  const text = await readFile(join(temp, 'notes'), 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean);
}

/** Ctrl-C and the like: end what runs, clean up, say so. @param {string} temp */
function onSignals(temp) {
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.once(signal, () => {
      endJobs('SIGTERM');
      add(outcomeOf('test run', started, [`ended by ${signal}`]));
      setTimeout(() => {
        endJobs('SIGKILL');
        void removeLeftovers(temp).finally(finish);
      }, 2_000);
    });
  }
}

/** Prints the summary and ends the process. */
function finish() {
  const totals = total(outcomes);
  console.log(
    ['', ...table(outcomes, DETAILS_AT_END), '', `${((performance.now() - started) / 1000).toFixed(0)} s`].join('\n'),
  );
  console.log(lastLine(totals));
  process.exit(isGood(totals) ? 0 : 1);
}
