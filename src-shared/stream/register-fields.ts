/** Taking single values out of a device's fields. */
import type { FieldJson, FieldsJson } from '../contracts/devices';

export type RegisterValue = number | string;

/** A register group under construction: what the file does not have is left out. */
export class RegisterList {
  readonly #values: Record<string, RegisterValue | Readonly<Record<string, RegisterValue>>> = {};

  /** Adds a register, unless there is no such integer. */
  add(name: string, value: FieldJson | undefined): this {
    if (isInteger(value)) this.#values[name] = value;
    return this;
  }

  addGroup(name: string, group: Readonly<Record<string, RegisterValue>> | null): this {
    if (group !== null) this.#values[name] = group;
    return this;
  }

  done(): Readonly<Record<string, RegisterValue | Readonly<Record<string, RegisterValue>>>> {
    return this.#values;
  }
}

export const isInteger = (value: FieldJson | undefined): value is RegisterValue =>
  typeof value === 'number' || (typeof value === 'string' && /^-?\d+$/.test(value));

export const isGroup = (value: FieldJson | undefined): value is FieldsJson =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The elements of an array; one value that stands alone is an array of one. */
export function listOf(value: FieldJson | undefined): readonly FieldJson[] {
  if (Array.isArray(value)) return value as readonly FieldJson[];
  return value === undefined ? [] : [value];
}
