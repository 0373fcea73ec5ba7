/**
 * Electron's entry. It imports nothing of ours at its top: an exception while a packaged app loads would open a dialog
 * and wait for ever, so everything is loaded from inside a `try`.
 */
import { join } from 'node:path';
import { app } from 'electron';

const here = import.meta.dirname;

function die(error: unknown): void {
  console.error('stillframe: the app cannot start.');
  console.error(error instanceof Error ? (error.stack ?? error.message) : error);
  app.exit(1);
}

process.on('uncaughtException', (error) => {
  // Electron's own handler shows a dialog. A save may be running: the app goes on.
  console.error('stillframe: unexpected error:', error);
});

try {
  const { start } = await import('./shell/start');
  const { versionLine } = await import('./shell/shell-api');
  process.stdout.write(`${versionLine()}\n`);
  start(
    {
      worker: join(here, 'worker.js'),
      preload: join(here, '../preload/index.cjs'),
      page: join(here, '../renderer'),
      resources: app.isPackaged ? join(process.resourcesPath, 'resources') : join(here, '../../resources'),
    },
    die,
  );
} catch (error) {
  die(error);
}
