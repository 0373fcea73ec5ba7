// npm start [-- FILE]: set-up, build when the sources changed, and the app.
import { spawn } from 'node:child_process';
import { realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { join } from 'node:path';
import { bundle } from './bundle.mjs';
import { run, which } from './setup/run.mjs';
import { ROOT, SetupError, say, shellLine } from './setup/say.mjs';
import { giveUp, setUp } from './setup/set-up.mjs';
import { displayTrouble } from './setup/system.mjs';

/** The words that Stillframe's own set-up takes; everything else goes to the app. */
const YES = '--yes';

try {
  const args = process.argv.slice(2);
  const { electron } = await setUp('start', { yes: args.includes(YES) });
  await requireDisplay();
  await requireSandbox();
  await bundle();
  say(`starting Stillframe on Electron ${electron}`);
  await runApp(args.filter((arg) => arg !== YES));
} catch (error) {
  giveUp(error);
}

/** Ends here where no window could be shown, and says how to get a display. */
async function requireDisplay() {
  const trouble = await displayTrouble(process.env.DISPLAY);
  if (trouble === null) return;
  const root = process.getuid?.() === 0;
  const commands = ['xvfb-run -a npm start'];
  if (which('Xvfb') === null || which('xauth') === null) {
    commands.unshift(`${root ? '' : 'sudo '}apt-get install --no-install-recommends xvfb xauth`);
  }
  throw new SetupError(
    `${trouble} Start Stillframe from a desktop session or log in with "ssh -X"; it also runs on a display that nobody sees.`,
    commands,
  );
}

/**
 * Chromium keeps its pages in a sandbox made of user namespaces, or else of a helper that belongs to root. Where an
 * ordinary user has neither, the app would end with SIGTRAP. As root there is no sandbox.
 */
async function requireSandbox() {
  if (process.getuid?.() === 0) return;
  const helper = join(realpathSync(join(ROOT, 'node_modules', 'electron', 'dist')), 'chrome-sandbox');
  const { uid, mode } = statSync(helper);
  if (uid === 0 && (mode & 0o4000) !== 0) return;
  if ((await run('unshare', ['--user', '--map-root-user', 'true'])).code === 0) return;
  throw new SetupError('This system gives no user namespaces to ordinary users, so the sandbox needs its helper.', [
    shellLine(['sudo', 'chown', 'root:root', helper]),
    shellLine(['sudo', 'chmod', '4755', helper]),
  ]);
}

/**
 * Runs the app until it ends, hands signals on to it, and ends the way it ended.
 * @param {readonly string[]} args
 */
async function runApp(args) {
  /** @type {string} */
  const executable = createRequire(join(ROOT, 'package.json'))('electron');
  // Chromium's sandbox refuses to run as root.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const app = spawn(executable, [...sandbox, ROOT, ...args], { stdio: 'inherit' });
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => app.kill(signal));
  }
  const code = await new Promise((resolve, reject) => {
    app.on('error', reject);
    app.on('exit', (exitCode, signal) => resolve(exitCode ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
  process.exit(code);
}
