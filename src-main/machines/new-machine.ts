/** Every way to describe a new machine, as a recipe. */
import type { NewMachine, Recipe } from '@shared/contracts/machines';
import type { Places } from '../services';
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

/** `name`, or the first of `name 2`, `name 3` … that is not taken. */
export function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  for (let number = 2; ; number++) {
    const numbered = `${name} ${String(number)}`;
    if (!taken.has(numbered)) return numbered;
  }
}
