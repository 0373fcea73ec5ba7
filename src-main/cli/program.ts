/** The `stillframe` command: from words to an exit code. 0 good, 1 the answer is "bad", 2 could not do it. */
import { failureOf, sentenceOf, type Failure } from '@shared/contracts/failure';
import { Command, CommanderError } from 'commander';
import { createDesk } from './command';
import { addConvert } from './commands/convert';
import { addBookmarks } from './commands/bookmarks';
import { addDevices } from './commands/devices';
import { addDiff } from './commands/diff';
import { addExport } from './commands/export';
import { addFind } from './commands/find';
import { addHexdump } from './commands/hexdump';
import { addInspect } from './commands/inspect';
import { addList } from './commands/list';
import { addLocate } from './commands/locate';
import { addMachines } from './commands/machines';
import { addRestore } from './commands/restore';
import { addSave } from './commands/save';
import { addStart } from './commands/start';
import { addStrings } from './commands/strings';
import { addSynthetic } from './commands/synthetic';
import { addTree } from './commands/tree';
import { printable } from './format';
import type { Surroundings } from './session';
import type { Terminal } from './terminal';

export type ExitCode = 0 | 1 | 2;

/** Runs one command line, without the program's own name. Never throws: what goes wrong is a sentence on stderr and a 2. */
export async function runCli(
  argv: readonly string[],
  terminal: Terminal,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const help: string[] = [];
  const program = new Command('stillframe')
    .description('Saves running QEMU VMs to mapped-ram files, restores them, and looks inside the files.')
    .helpOption('--help', 'show this')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => help.push(text),
      // Commander's own complaint is said below, as one sentence.
      writeErr: () => undefined,
    });
  const desk = createDesk(program, terminal, surroundings);
  const changing = [addMachines, addStart, addSave, addRestore, addConvert];
  const looking = [addList, addInspect, addLocate, addDevices, addTree, addBookmarks];
  const exploring = [addFind, addStrings, addHexdump, addDiff, addExport];
  for (const add of [...changing, ...looking, ...exploring, addSynthetic]) add(desk);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return desk.exitCode();
  } catch (error) {
    if (error instanceof CommanderError) return await answerCommander(error, program, help, terminal);
    tell(terminal, failureOf(error, 'running the command'));
    return 2;
  }
}

async function answerCommander(
  error: CommanderError,
  program: Command,
  help: readonly string[],
  terminal: Terminal,
): Promise<ExitCode> {
  if (error.exitCode === 0) {
    await terminal.out(help.join(''));
    return 0;
  }
  if (error.code === 'commander.help') {
    terminal.err('A command is needed: ');
    terminal.err(`${program.commands.map((command) => command.name()).join(', ')}; stillframe --help explains them.\n`);
    return 2;
  }
  const what = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
  const sentence = `${what.charAt(0).toUpperCase()}${what.slice(1)}`;
  terminal.err(`${printable(sentence).replace(/([^.?!)])$/, '$1.')} Add --help to see what is possible.\n`);
  return 2;
}

/** One sentence; after a failed load also what QEMU said, because only that tells why. */
function tell(terminal: Terminal, failure: Failure): void {
  terminal.err(`${printable(sentenceOf(failure).replace(/\s*\n\s*/g, ' '))}\n`);
  const detailed = failure.code === 'restore.failed' || failure.code === 'internal';
  if (detailed && failure.detail !== undefined) {
    terminal.err(
      `${failure.detail
        .trimEnd()
        .split('\n')
        .map((line) => `  ${printable(line)}`)
        .join('\n')}\n`,
    );
  }
}
