/** What every command has in common: its options, and how its answer gets out. */
import type { Command } from 'commander';
import type { Services } from '../services';
import { withServices, type Surroundings } from './session';
import type { Terminal } from './terminal';

/** What a command found or did. */
export interface Answer {
  /** The document that `--json` prints. */
  readonly json: unknown;
  /** The same for people. */
  readonly text: string;
  /** False: the answer is "bad" (exit code 1). */
  readonly good: boolean;
}

/** What a command may use. */
export interface Workplace {
  readonly services: Services;
  readonly terminal: Terminal;
  readonly surroundings: Surroundings;
}

export interface CommonOptions {
  readonly json?: true;
  readonly library?: string;
}

/** What commands are added to. */
export interface Desk {
  readonly program: Command;
  /** Does the work, prints the answer and keeps the exit code. */
  answer(options: CommonOptions, work: (workplace: Workplace) => Promise<Answer>): Promise<void>;
}

/** A new command with `--json`, `--library` and `--help`. */
export function addCommand(desk: Desk, usage: string, description: string): Command {
  return desk.program
    .command(usage)
    .description(description)
    .option('--json', 'print one JSON document on stdout and nothing else')
    .option('--library <folder>', 'the library to use (default: the app’s own)')
    .helpOption('--help', 'show this');
}

export function createDesk(
  program: Command,
  terminal: Terminal,
  surroundings: Surroundings,
): Desk & { exitCode(): 0 | 1 } {
  let exitCode: 0 | 1 = 0;
  return {
    program,
    exitCode: () => exitCode,
    async answer(options, work) {
      const answer = await withServices(surroundings, options.library, (services) =>
        work({ services, terminal, surroundings }),
      );
      await terminal.out(options.json === true ? `${JSON.stringify(answer.json, null, 2)}\n` : `${answer.text}\n`);
      if (!answer.good) exitCode = 1;
    },
  };
}
