// npm run dev: the app with hot reload, on Vite's server.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT, SetupError } from './setup/say.mjs';
import { giveUp, setUp } from './setup/set-up.mjs';
import { displayTrouble } from './setup/system.mjs';

try {
  await setUp('start');
  const trouble = await displayTrouble(process.env.DISPLAY);
  if (trouble !== null) throw new SetupError(`${trouble} Start it from a desktop session.`);
} catch (error) {
  giveUp(error);
}
const vite = join(ROOT, 'node_modules', 'electron-vite', 'bin', 'electron-vite.js');
// Chromium's sandbox refuses to run as root.
const args = [vite, 'dev', '--watch', ...(process.getuid?.() === 0 ? ['--noSandbox'] : [])];
const dev = spawn(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
// Ctrl-C reaches both; this process only waits for the other's end.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => dev.kill('SIGTERM'));
dev.on('exit', (code) => process.exit(code ?? 1));
