// npm run -s stillframe -- ARGUMENTS: the command line of the checkout. It becomes the built `out/main/cli.js` in this very
// process, so exit codes and signals are the command's own. stdout stays the command's: set-up and build write to stderr.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundle } from './bundle.mjs';
import { packagesAreCurrent } from './setup/packages.mjs';
import { ROOT } from './setup/say.mjs';
import { giveUp, setUp } from './setup/set-up.mjs';

const COMMAND = join(ROOT, 'out', 'main', 'cli.js');

try {
  // The command itself says when QEMU is missing.
  if (!packagesAreCurrent()) await setUp('cli');
  await bundle();
} catch (error) {
  giveUp(error);
}
process.argv[1] = COMMAND;
await import(pathToFileURL(COMMAND).href);
