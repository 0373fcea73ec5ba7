import { fail } from '@shared/contracts/failure';
import type { Finding, RestoreOptions, SnapshotEntry } from '@shared/contracts/library';
import type { Recipe } from '@shared/contracts/machines';
import { Option } from 'commander';
import { recipeOf } from '../../machines/new-machine';
import { addCommand, type Answer, type CommonOptions, type Desk, type Workplace } from '../command';
import { printable } from '../format';
import { withInterrupt } from '../interrupt';
import { readRecipeFile } from '../recipe-file';
import { answerStarted } from './start';

interface RestoreArguments extends CommonOptions {
  readonly paused?: true;
  readonly run?: true;
  readonly accept?: readonly string[];
  readonly recipe?: string;
  readonly engine: RestoreOptions['engine'];
}

const doing = 'restoring the snapshot';

export function addRestore(desk: Desk): void {
  addCommand(desk, 'restore', 'start a VM from a snapshot; it goes on running when this command has ended')
    .usage('SNAPSHOT [options]')
    .argument('<snapshot>', 'name in the library, a snapshot folder, or a bare file with --recipe')
    .option('--paused', 'leave the VM paused (default: it runs if it ran when it was saved)')
    .option('--accept <key...>', 'go on in spite of these findings of the check before')
    .addOption(
      new Option(
        '--engine <name>',
        'who brings the memory in: QEMU itself (native), our workers into shared memory (channels), or a worker that ' +
          'makes a stream for QEMU (emit); auto takes the first of these that can',
      )
        .choices(['auto', 'native', 'channels', 'emit'])
        .default('auto'),
    )
    .option('--recipe <file>', 'for a bare file: the command line or JSON recipe of the same VM')
    .action((reference: string, options: RestoreArguments) =>
      desk.answer(options, (workplace) => restore(workplace, reference, options)),
    );
}

async function restore(workplace: Workplace, reference: string, options: RestoreArguments): Promise<Answer> {
  const { library, restores, machines } = workplace.services;
  const entry = await library.resolve(reference);
  const recipe = await readRecipe(workplace, options.recipe);
  await check(workplace, entry, options.accept ?? [], recipe);
  return withInterrupt(async (interrupt) => {
    const { machine, timings } = await restores.restoreEntry(
      entry,
      {
        engine: options.engine,
        then: options.paused === true ? 'pause' : null,
        accepted: options.accept ?? [],
      },
      recipe,
    );
    if (interrupt.asked) {
      await machines.powerOff(machine.id);
      throw fail('restore.failed', doing, 'The restore was interrupted', 'The VM was powered off.');
    }
    return answerStarted(machine, timings);
  });
}

async function readRecipe({ services, surroundings }: Workplace, file: string | undefined): Promise<Recipe | null> {
  return file === undefined ? null : recipeOf(await readRecipeFile(file, surroundings.cwd), services.places);
}

/** Says on stderr what speaks against it, and refuses what was not accepted, before anything is started. */
async function check(
  { services, terminal }: Workplace,
  entry: SnapshotEntry,
  accepted: readonly string[],
  recipe: Recipe | null,
): Promise<void> {
  const { findings } = await services.restores.preflightEntry(entry, recipe);
  for (const { text } of findings.filter(({ level }) => level === 'note')) terminal.err(`${printable(text)}\n`);
  const stops = findings.filter(({ level }) => level === 'stop');
  if (stops.length > 0) throw refused(entry, stops, 'Restore another snapshot, or put this right.');
  const asks = findings.filter(({ level, key }) => level === 'ask' && !accepted.includes(key));
  if (asks.length === 0) return;
  throw refused(
    entry,
    asks,
    `To restore it all the same, add --accept ${asks.map(({ key }) => quoted(key)).join(' ')}.`,
  );
}

const quoted = (key: string): string => (/^[\w@%+=:,./-]+$/.test(key) ? key : `'${key.replaceAll("'", `'\\''`)}'`);

const refused = (entry: SnapshotEntry, findings: readonly Finding[], todo: string) =>
  fail('restore.preflight', doing, findings.map(({ text }) => text.replace(/\.$/, '')).join('. '), todo, {
    where: { path: entry.folder },
  });
