/** Every way to describe a new machine, as a recipe. */
import type { NewMachine, Recipe } from '@shared/contracts/machines';
import type { Places } from '../services';
import { readOptions, readProperties } from '../qemu/options';
import { checkRecipe } from '../qemu/recipe';
import { recipeFromCommandLine } from './command-line';
import { demoRecipe } from './demo';
import { recipeFromForm } from './form';

/** The checked recipe; `machine.bad-recipe` or `usage` says what is wrong with the description. */
export async function recipeOf(machine: NewMachine, places: Places): Promise<Recipe> {
  switch (machine.kind) {
    case 'recipe':
      checkRecipe(machine.recipe);
      return machine.recipe;
    case 'command-line':
      return recipeFromCommandLine(machine.name, machine.commandLine, machine.cwd);
    case 'form':
      return recipeFromForm(machine.form);
    case 'demo': {
      const { memoryMiB, dirtyMiB, dirtyMiBPerSecond } = machine;
      return demoRecipe({ resources: places.resources, memoryMiB, dirtyMiB, dirtyMiBPerSecond });
    }
  }
}

/** Whether two recipes start the same VM, whatever they are called. */
export function sameVm(a: Recipe, b: Recipe): boolean {
  const essence = ({ program, argv, env, cwd }: Recipe): string =>
    JSON.stringify([program, argv, Object.entries(env).sort(), cwd]);
  return essence(a) === essence(b);
}

/**
 * Whether `saved`, the recipe of a snapshot, is of the VM that `known` starts. A snapshot's recipe names the machine version
 * it was saved with (`pc-q35-10.0`), where a person writes `q35`: `lastType`, the version last seen of the known VM, tells
 * whether both are of one family.
 */
export function isOfVm(saved: Recipe, known: Recipe, lastType: string | null): boolean {
  if (sameVm(saved, known)) return true;
  const [a, b] = [withoutMachineType(saved.argv), withoutMachineType(known.argv)];
  const families = [b.type, lastType].map((type) => familyOf(type ?? ''));
  return sameVm({ ...saved, argv: a.argv }, { ...known, argv: b.argv }) && families.includes(familyOf(a.type ?? ''));
}

/** `pc-q35-10.0` and `pc-q35-9.2` are of one family. */
const familyOf = (machineType: string): string => machineType.replace(/-\d+(\.\d+)+$/, '');

/** argv with the machine type taken out of its `-machine` options; one that then says nothing goes as a whole. */
function withoutMachineType(argv: readonly string[]): {
  readonly type: string | null;
  readonly argv: readonly string[];
} {
  let type: string | null = null;
  const rest = readOptions(argv).flatMap(({ name, value, index }) => {
    const word = argv[index] ?? '';
    if ((name !== 'machine' && name !== 'M') || value === null)
      return value === null || word === value ? [word] : [word, value];
    const { type: named, ...others } = Object.fromEntries(readProperties(value, 'type'));
    type = named ?? type;
    return Object.keys(others).length === 0 ? [] : [word, JSON.stringify(others)];
  });
  return { type, argv: rest };
}

/** `name`, or the first of `name 2`, `name 3` … that is not taken. */
export function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  for (let number = 2; ; number++) {
    const numbered = `${name} ${String(number)}`;
    if (!taken.has(numbered)) return numbered;
  }
}
