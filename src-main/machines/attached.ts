/** What can be learned of a QEMU that somebody else started, to be able to start it again from a snapshot. */
import type { Recipe } from '@shared/contracts/machines';
import { StillframeError } from '@shared/contracts/failure';
import { qmpMonitors } from '../qemu/monitors';
import { readOptions } from '../qemu/options';
import { commandLineOf, linkOf } from '../qemu/proc';
import { asObject, asString, printable } from '../qemu/qmp-wire';
import { checkRecipe } from '../qemu/recipe';
import type { Qmp } from '../services';

/** Options that belong to that one start and not to the VM. */
const NOT_PART_OF_THE_VM = new Set(['daemonize', 'incoming', 'S', 'loadvm', 'pidfile', 'preconfig']);

/** The name the VM goes by: QEMU's own, or its pid. */
export async function nameOfVm(qmp: Qmp, pid: number | null): Promise<string> {
  const named = asString(asObject(await qmp.execute('query-name'))?.['name']);
  if (named !== null && named.trim() !== '') return printable(named.trim()).slice(0, 100);
  return pid === null ? 'attached VM' : `pid ${String(pid)}`;
}

/**
 * The recipe in the process's own command line and folder, null when they cannot be read or cannot be used again. Its
 * environment is left out: it may hold what is nobody's business in a manifest.
 */
export async function recipeOfProcess(pid: number, name: string): Promise<Recipe | null> {
  const [words, program, cwd] = await Promise.all([commandLineOf(pid), linkOf(pid, 'exe'), linkOf(pid, 'cwd')]);
  if (words === null || program === null || cwd === null) return null;
  const recipe: Recipe = {
    name,
    program: program.replace(/ \(deleted\)$/, ''),
    argv: withoutStart(words.slice(1)),
    env: {},
    cwd,
  };
  try {
    checkRecipe(recipe);
    return recipe;
  } catch (error) {
    if (error instanceof StillframeError) return null;
    throw error;
  }
}

/**
 * argv without the options that belong to one start only, and without its QMP monitors: a second QEMU with the same socket
 * path would take the first one's away.
 */
export function withoutStart(argv: readonly string[]): readonly string[] {
  const monitors = new Set(qmpMonitors(argv).flatMap(({ optionIndexes }) => optionIndexes));
  return readOptions(argv)
    .filter(({ name, index }) => !NOT_PART_OF_THE_VM.has(name) && !monitors.has(index))
    .flatMap(({ index, value }) => {
      const word = argv[index] ?? '';
      return value === null || word === value ? [word] : [word, value];
    });
}
