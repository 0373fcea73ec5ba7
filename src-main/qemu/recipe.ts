/** Checking a recipe before anything is started with it. Recipes come from people, manifests and /proc. */
import { fail, type StillframeError } from '@shared/contracts/failure';
import type { Recipe } from '@shared/contracts/machines';
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { OPTIONS_WITHOUT_VALUE, readOptions } from './options';

const MAX_ARGUMENTS = 4096;
/** The kernel takes no single argument of more than 128 KiB (MAX_ARG_STRLEN). */
const MAX_ARGUMENT_BYTES = 128 * 1024 - 1;
const MAX_NAME = 200;

/** Options that would take the VM out of Stillframe's hands, and what to say of each. */
const FORBIDDEN: ReadonlyMap<string, string> = new Map([
  ['daemonize', 'Stillframe itself puts the VM in the background'],
  ['incoming', 'Stillframe adds it when it restores a snapshot'],
  ['preconfig', 'the VM would wait for its configuration'],
  ['version', 'QEMU would print its version and end'],
  ['help', 'QEMU would print its help and end'],
  ['h', 'QEMU would print its help and end'],
]);

/** Throws `machine.bad-recipe` for a recipe that cannot be started, by its text alone. */
export function checkRecipe(recipe: Recipe): void {
  const texts = [recipe.name, recipe.program, recipe.cwd, ...recipe.argv, ...Object.entries(recipe.env).flat()];
  if (texts.some((text) => text.includes('\0'))) throw bad('a zero byte stands in it', 'Remove the zero byte.');
  if (recipe.name.trim() === '' || recipe.name.length > MAX_NAME || /\p{C}/u.test(recipe.name)) {
    throw bad(`the name must have 1 to ${String(MAX_NAME)} printable characters`, 'Choose another name.', 'name');
  }
  if (recipe.program === '')
    throw bad('it names no program', 'Start it with the path of a qemu-system program.', 'program');
  if (!isAbsolute(recipe.cwd)) throw bad(`the folder “${recipe.cwd}” is not absolute`, 'Give the whole path.', 'cwd');
  if (recipe.argv.length > MAX_ARGUMENTS) {
    throw bad(`${String(recipe.argv.length)} arguments are too many`, `Use at most ${String(MAX_ARGUMENTS)}.`, 'argv');
  }
  const long = recipe.argv.findIndex((argument) => Buffer.byteLength(argument) > MAX_ARGUMENT_BYTES);
  if (long >= 0) throw bad(`argument ${String(long + 1)} is longer than 128 KiB`, 'Shorten it.', 'argv');
  const variable = Object.keys(recipe.env).find((name) => name === '' || name.includes('='));
  if (variable !== undefined) throw bad(`“${variable}” is no name of a variable`, 'Correct the environment.', 'env');
  for (const option of readOptions(recipe.argv))
    checkOption(option.name, option.value, recipe.argv[option.index] ?? '');
}

function checkOption(name: string, value: string | null, word: string): void {
  const why = FORBIDDEN.get(name);
  if (why !== undefined) throw bad(`${word} stands in it, and ${why}`, `Leave out ${word}.`, 'argv');
  if (name === '') throw bad('an option without a name stands in it', 'Correct the command line.', 'argv');
  if (value === null && !OPTIONS_WITHOUT_VALUE.has(name)) {
    throw bad(`${word} stands at its end without a value`, `Give ${word} a value, or leave it out.`, 'argv');
  }
  if (value === 'help' || value === '?') {
    throw bad(`${word} ${value} makes QEMU print a list and end`, `Give ${word} a value.`, 'argv');
  }
}

/** Throws `qemu.not-found` or `machine.bad-recipe` unless program and folder exist. Returns the program's path. */
export async function findProgram(recipe: Recipe): Promise<string> {
  const folder = await stat(recipe.cwd).catch(() => null);
  if (folder?.isDirectory() !== true) {
    throw bad(
      `its folder ${recipe.cwd} does not exist`,
      'Choose the folder that the command line is meant for.',
      'cwd',
    );
  }
  const candidates = recipe.program.includes('/')
    ? [isAbsolute(recipe.program) ? recipe.program : join(recipe.cwd, recipe.program)]
    : (recipe.env['PATH'] ?? process.env['PATH'] ?? '').split(delimiter).map((path) => join(path, recipe.program));
  for (const candidate of candidates) {
    const found = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found && (await stat(candidate)).isFile()) return candidate;
  }
  throw fail(
    'qemu.not-found',
    'starting the VM',
    `There is no program ${recipe.program}`,
    'Install QEMU (apt install qemu-system-x86) or correct the command line.',
    { where: { path: recipe.program } },
  );
}

function bad(what: string, todo: string, field?: string): StillframeError {
  return fail('machine.bad-recipe', 'reading the recipe', `This recipe cannot be started: ${what}`, todo, {
    where: field === undefined ? {} : { field },
  });
}
