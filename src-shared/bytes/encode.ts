/** The other direction of `readStruct`: bytes from the same layout tables. */
import { joinBytes } from './join';
import type { Field, Struct, ValuesOf } from './table';
import { encodeText } from './text';
import { writeUint, type Endian } from './uint';

/**
 * The bytes of one structure. A field without a value has the only right one of its table, or, where another field is as long
 * as it says, that length.
 *
 * Throws a `RangeError` for a field without any value, one that does not fit, or a length that its text contradicts: what is
 * encoded comes from our own code or was parsed before.
 */
export function encodeStruct<S extends Struct>(
  layout: S,
  values: Partial<ValuesOf<S>>,
  endian: Endian = 'big',
): Uint8Array {
  const given: Given = new Map(Object.entries(values));
  return joinBytes(layout.fields.map((field) => encodeField(layout, field, given, endian)));
}

type Given = ReadonlyMap<string, unknown>;

function encodeField(layout: Struct, field: Field, given: Given, endian: Endian): Uint8Array {
  if (field.type !== 'uint') {
    const bytes = contentOf(layout, field, given);
    const due = typeof field.size === 'number' ? field.size : (given.get(field.size) ?? bytes.length);
    if (bytes.length !== due)
      throw wrong(layout, field, `it has ${bytes.length} bytes, and another field says otherwise`);
    return bytes;
  }
  const value = given.get(field.name) ?? field.is ?? lengthOfMeasured(layout, field.name, given);
  if (typeof value !== 'number') throw wrong(layout, field, 'it has no number');
  const bytes = new Uint8Array(field.size);
  writeUint(bytes, 0, field.size, value, endian);
  return bytes;
}

function contentOf(layout: Struct, field: Exclude<Field, { type: 'uint' }>, given: Given): Uint8Array {
  const value = given.get(field.name) ?? (field.type === 'text' ? field.is : null);
  if (field.type === 'text' && typeof value === 'string') return encodeText(value);
  if (field.type === 'bytes' && value instanceof Uint8Array) return value;
  throw wrong(layout, field, `it has no ${field.type}`);
}

/** Bytes of the field that is as long as the number `name` says; null when there is none. */
function lengthOfMeasured(layout: Struct, name: string, given: Given): number | null {
  for (const field of layout.fields) {
    if (field.type !== 'uint' && field.size === name) return contentOf(layout, field, given).length;
  }
  return null;
}

const wrong = (layout: Struct, field: Field, what: string): RangeError =>
  new RangeError(`${layout.name}, ${field.name}: ${what}`);
