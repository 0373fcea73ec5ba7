// npm run setup [-- --yes] [-- --for cli|start|test]
import { parseArgs } from 'node:util';
import { say, SetupError } from './setup/say.mjs';
import { giveUp, setUp } from './setup/set-up.mjs';

const PURPOSES = /** @type {const} */ (['cli', 'start', 'test']);

try {
  const { values } = parseArgs({
    options: { for: { type: 'string', default: 'test' }, yes: { type: 'boolean', default: false } },
  });
  const purpose = PURPOSES.find((name) => name === values.for);
  if (purpose === undefined) throw new SetupError(`--for takes ${PURPOSES.join(', ')}, not ${values.for}.`);
  const { qemu, electron } = await setUp(purpose, { yes: values.yes });
  say(`nothing is missing: QEMU ${qemu}${electron === null ? '' : `, Electron ${electron}`}`);
  // An unanswered DNS question would keep the process.
  process.exit(0);
} catch (error) {
  giveUp(error);
}
