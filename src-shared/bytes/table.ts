/**
 * Layout tables: what a structure's fields are called, how long they are and what they mean, written down once.
 * The parser reads by them, the inspector lists and colours by them.
 */
import type { ByteCursor } from './cursor';
import { decodeText } from './text';
import { readBigUint, readUint, type Endian } from './uint';
import { fileOffset, hex, type FileOffset } from './units';
import { fail } from '../contracts/failure';
import type { StructureKind } from '../contracts/inspect';

export interface UintField<Name extends string = string> {
  readonly type: 'uint';
  readonly name: Name;
  /** Bytes, 1 … 8. */
  readonly size: number;
  readonly meaning: string;
  readonly show: 'decimal' | 'hex';
  /** The only value that is right, where there is one. */
  readonly is: number | null;
  /** Words for values. */
  readonly words: Readonly<Record<number, string>>;
}

/** `size`: bytes, or the name of an earlier field that says how many. */
export interface TextField<Name extends string = string> {
  readonly type: 'text';
  readonly name: Name;
  readonly size: number | string;
  readonly meaning: string;
  readonly is: string | null;
}

export interface BytesField<Name extends string = string> {
  readonly type: 'bytes';
  readonly name: Name;
  readonly size: number | string;
  readonly meaning: string;
}

export type Field = UintField | TextField | BytesField;

export interface Struct<Fields extends readonly Field[] = readonly Field[]> {
  readonly name: string;
  readonly kind: StructureKind;
  readonly fields: Fields;
}

type ValueOf<F extends Field> = F extends { type: 'uint' } ? number : F extends { type: 'text' } ? string : Uint8Array;

/** The values of a structure by field name: numbers, texts, bytes. */
export type ValuesOf<S extends Struct> = { readonly [F in S['fields'][number] as F['name']]: ValueOf<F> };

export interface ParsedField {
  readonly field: Field;
  readonly offset: FileOffset;
  readonly length: number;
  readonly value: number | string | Uint8Array;
}

/** A structure as it was found in a file. */
export interface Parsed<S extends Struct = Struct> {
  readonly struct: S;
  readonly offset: FileOffset;
  readonly length: number;
  readonly endian: Endian;
  readonly fields: readonly ParsedField[];
  readonly values: ValuesOf<S>;
}

/** Where a structure ends. */
export const endOf = (parsed: Parsed): number => parsed.offset + parsed.length;

export function uint<const Name extends string>(
  name: Name,
  size: number,
  meaning: string,
  more: { show?: 'decimal' | 'hex'; is?: number; words?: Readonly<Record<number, string>> } = {},
): UintField<Name> {
  const { show = 'decimal', is = null, words = {} } = more;
  return { type: 'uint', name, size, meaning, show, is, words };
}

export function text<const Name extends string>(
  name: Name,
  size: number | string,
  meaning: string,
  is: string | null = null,
): TextField<Name> {
  return { type: 'text', name, size, meaning, is };
}

export function bytes<const Name extends string>(name: Name, size: number | string, meaning: string): BytesField<Name> {
  return { type: 'bytes', name, size, meaning };
}

export function struct<const Fields extends readonly Field[]>(
  name: string,
  kind: StructureKind,
  fields: Fields,
): Struct<Fields> {
  return { name, kind, fields };
}

/** Longest text or byte field that is read into memory: names are at most 255 bytes, a machine type is shorter still. */
const LONGEST_FIELD = 4096;

/**
 * Reads one structure where the cursor stands and leaves it behind the structure.
 *
 * Rejects with `format.truncated` where the file ends inside it, with `format.bad-value` for a number of 2^53 or more,
 * a text longer than 4096 bytes, or a field that differs from its only right value.
 */
export async function readStruct<S extends Struct>(
  cursor: ByteCursor,
  layout: S,
  endian: Endian = 'big',
): Promise<Parsed<S>> {
  const offset = cursor.offset;
  const fields: ParsedField[] = [];
  const values: Record<string, number | string | Uint8Array> = {};
  for (const field of layout.fields) {
    const at = cursor.offset;
    const length = typeof field.size === 'number' ? field.size : Number(values[field.size]);
    if (length > LONGEST_FIELD)
      throw badValue(cursor, at, field.name, `${length} bytes are longer than any ${field.name}`);
    if (!cursor.has(length)) await cursor.need(length, `${layout.name}, ${field.name}`);
    const value = valueOf(cursor, field, cursor.take(length), at, endian);
    fields.push({ field, offset: at, length, value });
    values[field.name] = value;
  }
  return {
    struct: layout,
    offset,
    length: cursor.offset - offset,
    endian,
    fields,
    // Every field of the table has just been put in under its own name, with the type its kind of field has.
    values: values as ValuesOf<S>,
  };
}

function valueOf(
  cursor: ByteCursor,
  field: Field,
  raw: Uint8Array,
  at: FileOffset,
  endian: Endian,
): number | string | Uint8Array {
  if (field.type === 'bytes') return raw.slice();
  if (field.type === 'text') {
    const value = decodeText(raw);
    if (field.is !== null && value !== field.is) throw badValue(cursor, at, field.name, `it is not "${field.is}"`);
    return value;
  }
  const value = readUint(raw, 0, raw.length, endian);
  if (!Number.isSafeInteger(value)) {
    const exact = hex(readBigUint(raw, 0, raw.length, endian));
    throw badValue(cursor, at, field.name, `${exact} is not below 2^53, so it cannot be a size or an offset`);
  }
  if (field.is !== null && value !== field.is) {
    throw badValue(cursor, at, field.name, `it is ${hex(value)}, not ${hex(field.is)}`);
  }
  return value;
}

/** `format.bad-value` about one field of the file that the cursor reads. */
export function badValue(cursor: ByteCursor, offset: number, field: string, what: string): Error {
  return fail(
    'format.bad-value',
    'reading the stream',
    what,
    'The file is damaged or no migration stream from here on.',
    {
      where: { path: cursor.source.name, offset: fileOffset(offset), field },
    },
  );
}

/** The field of that name; tables and parsers are of one piece, so a missing one is our mistake. */
export function fieldOf(parsed: Parsed, name: string): ParsedField {
  const found = parsed.fields.find((candidate) => candidate.field.name === name);
  if (found === undefined) throw new Error(`${parsed.struct.name} has no field ${name}`);
  return found;
}
