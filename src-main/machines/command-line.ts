/** A QEMU command line as a person pastes it, read like a shell would read it. No shell is ever run. */
import { fail, type StillframeError } from '@shared/contracts/failure';
import type { Recipe } from '@shared/contracts/machines';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { parse } from 'shell-quote';
import { outlineOf } from '../qemu/options';
import { checkRecipe } from '../qemu/recipe';

const MAX_LENGTH = 128 * 1024;
const ASSIGNMENT = /^([A-Za-z_]\w*)=(.*)$/s;
/** Outside quotes, in single quotes, in double quotes: what is left over is a quote that is never closed. */
const CLOSED_QUOTES = /^(?:[^'"\\]+|\\[^]|'[^']*'|"(?:[^"\\]+|\\[^])*")*$/;

/**
 * The recipe in a pasted command line: `VAR=value` in front is environment, then the program, then its arguments.
 * Quotes, backslashes, lines joined by a backslash, a `~/` at the start of a word and a last `&` mean what they mean in a
 * shell. Variables, pipes, redirections and substitutions are refused as `machine.bad-recipe`: nothing runs them here.
 */
export function recipeFromCommandLine(name: string, commandLine: string, cwd: string | null): Recipe {
  const words = splitWords(commandLine);
  const env: Record<string, string> = {};
  while (words[0] !== undefined && ASSIGNMENT.test(words[0])) {
    const [, variable = '', value = ''] = ASSIGNMENT.exec(words.shift() ?? '') ?? [];
    env[variable] = value;
  }
  const program = words.shift();
  if (program === undefined) throw bad('it is empty', 'Paste the whole command, qemu-system-… first.');
  if (['sudo', 'doas', 'env', 'exec', 'nohup'].includes(program)) {
    throw bad(`it starts with ${program}, not with QEMU`, `Leave out ${program}; Stillframe starts QEMU as yourself.`);
  }
  const recipe: Recipe = {
    name: name.trim() === '' ? (outlineOf(words).name ?? program.replace(/^.*\//, '')) : name.trim(),
    program,
    argv: words,
    env,
    cwd: cwd ?? homedir(),
  };
  if (!isAbsolute(recipe.cwd)) throw bad(`the folder “${recipe.cwd}” is not absolute`, 'Give the whole path.');
  checkRecipe(recipe);
  return recipe;
}

/** The words of a command line; throws `machine.bad-recipe` for whatever only a shell could carry out. */
export function splitWords(commandLine: string): string[] {
  if (commandLine.length > MAX_LENGTH) throw bad('it is longer than 128 KiB', 'Paste the command alone.');
  // A shell drops a backslash with the line end after it before it does anything else.
  const joined = commandLine.replaceAll(/\\\r?\n/g, '').trim();
  if (!CLOSED_QUOTES.test(joined)) throw bad('a quote is opened and never closed', 'Close the quote.');
  if (substitutes(joined))
    throw bad('a backquote stands in it, which only a shell understands', 'Write the value itself.');
  const entries = parse(joined, (variable) => ({ op: `$${variable}` }));
  const last = entries.at(-1);
  if (typeof last === 'object' && 'op' in last && last.op === '&') entries.pop();
  return entries.flatMap((entry) => {
    if (typeof entry === 'string') return [expandHome(entry)];
    if ('comment' in entry) return [];
    // No file has this name for QEMU to see: a shell hands on a pattern that matches nothing as it stands.
    if (entry.op === 'glob') return [entry.pattern];
    throw bad(`“${entry.op}” stands in it, which only a shell understands`, 'Write the value itself, or leave it out.');
  });
}

function expandHome(word: string): string {
  return word === '~' || word.startsWith('~/') ? join(homedir(), word.slice(1)) : word;
}

/** Whether a backquote stands where a shell would act on it: not escaped, not in single quotes. */
function substitutes(text: string): boolean {
  const active = text.replaceAll(/\\[^]|'[^']*'|"(?:[^"\\]|\\[^])*"/g, (part) =>
    part.startsWith('"') ? part.replaceAll(/\\[^]/g, '') : '',
  );
  return active.includes('`');
}

function bad(what: string, todo: string): StillframeError {
  return fail('machine.bad-recipe', 'reading the command line', `This command line cannot be used: ${what}`, todo);
}
