/** A snapshot loads only into the machine version that was saved; `q35` means another one with every release of QEMU. */
import type { Recipe } from '@shared/contracts/machines';
import { readOptions, readProperties } from '../../qemu/options';

/**
 * The recipe with its machine type replaced by the versioned one of the save (`pc-q35-10.0`); all other properties of
 * `-machine` stay. `machineType` null (a stream without a configuration section) leaves the recipe as it is.
 *
 * Source: QEMU refuses a stream of another version ("Machine type received is 'pc-q35-10.0' and local is 'pc-q35-9.2'").
 */
export function pinMachineType(recipe: Recipe, machineType: string | null): Recipe {
  if (machineType === null) return recipe;
  const machines = readOptions(recipe.argv).filter(({ name }) => name === 'machine' || name === 'M');
  const naming = machines.filter(({ value }) => value !== null && readProperties(value, 'type').has('type')).at(-1);
  if (naming === undefined) return { ...recipe, argv: ['-machine', machineType, ...recipe.argv] };
  const argv = [...recipe.argv];
  argv[naming.index + 1] = withType(naming.value ?? '', machineType);
  return { ...recipe, argv };
}

/** Keeps every other property as it was written, doubled commas and all. */
function withType(value: string, machineType: string): string {
  const parts = value.match(/(?:[^,]|,,)+/g) ?? [];
  const isType = (part: string, position: number): boolean =>
    part.startsWith('type=') || (position === 0 && !part.includes('='));
  return [machineType, ...parts.filter((part, position) => !isType(part, position))].join(',');
}
