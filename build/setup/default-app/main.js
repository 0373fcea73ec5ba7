// The default app of the Electron that build/setup/electron-package.mjs puts together: it makes `electron FOLDER` run the app
// in FOLDER, as an official build does. Electron holds `ready` back until this module has been evaluated, so the app's
// own top-level code still runs before it.
import { readFileSync, statSync } from 'node:fs';
import Module from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { app } from 'electron';

/** Splits `[switches] [-r FILE]… FOLDER …`; what follows the folder is the app's own. */
function readCommandLine(args) {
  const required = [];
  for (let at = 0; at < args.length; at += 1) {
    if (args[at] === '-r' || args[at] === '--require') required.push(args[(at += 1)]);
    else if (!args[at].startsWith('-')) return { required, target: resolve(args[at]) };
  }
  return { required, target: null };
}

/** Gives Electron the app's name, version and folder, and returns the file to run. */
function adopt(target) {
  if (!statSync(target).isDirectory()) return target;
  const manifest = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8'));
  app.setName(manifest.productName ?? manifest.name);
  app.setVersion(manifest.version);
  app.setAppPath(target);
  return join(target, manifest.main ?? 'index.js');
}

const { required, target } = readCommandLine(process.argv.slice(1));
try {
  if (target === null) throw new Error('no app folder was named; usage: electron [-r FILE] FOLDER');
  process.defaultApp = true;
  // Playwright hands its loader over with -r.
  Module._preloadModules(required);
  await import(pathToFileURL(adopt(target)).href);
} catch (error) {
  // Printed, not shown in a dialog: nobody may be there to close it.
  console.error('electron: the app did not load');
  console.error(error);
  process.exit(1);
}
