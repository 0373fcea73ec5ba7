/** Registers as entries: name, value, and the field of the CPU's section that holds it. */
import type { FieldJson, FieldsJson } from '../contracts/devices';

export type RegisterValue = number | string;

/** Where a register is among a section's fields: the field, which element of it, and which field of that. */
export interface RegisterField {
  readonly field: string;
  readonly index: number | null;
  readonly part: string | null;
}

/** `name` is `rax`, or `cs.base` for a part of a group. */
export interface RegisterEntry extends RegisterField {
  readonly name: string;
  readonly value: RegisterValue;
}

/** Takes registers out of a section's fields, in the order in which they are asked for. What it does not have is left out. */
export class RegisterList {
  readonly entries: RegisterEntry[] = [];
  readonly #fields: FieldsJson;

  constructor(fields: FieldsJson) {
    this.#fields = fields;
  }

  add(name: string, field: string, index: number | null = null, part: string | null = null): this {
    return this.addValue(name, valueAt(this.#fields, { field, index, part }), field, index, part);
  }

  /** The same with a value that the caller made of the field. */
  addValue(
    name: string,
    value: FieldJson | undefined,
    field: string,
    index: number | null = null,
    part: string | null = null,
  ): this {
    if (isInteger(value)) this.entries.push({ name, value, field, index, part });
    return this;
  }
}

function valueAt(fields: FieldsJson, { field, index, part }: RegisterField): FieldJson | undefined {
  const value = index === null ? fields[field] : listOf(fields[field])[index];
  if (part === null) return value;
  return isGroup(value) ? value[part] : undefined;
}

export const isInteger = (value: FieldJson | undefined): value is RegisterValue =>
  typeof value === 'number' || (typeof value === 'string' && /^-?\d+$/.test(value));

const isGroup = (value: FieldJson | undefined): value is FieldsJson =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The elements of an array; one value that stands alone is an array of one. */
export function listOf(value: FieldJson | undefined): readonly FieldJson[] {
  if (Array.isArray(value)) return value as readonly FieldJson[];
  return value === undefined ? [] : [value];
}
