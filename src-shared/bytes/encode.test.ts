import { describe, expect, it } from 'vitest';
import { LAYOUT } from '../stream/layout';
import { ByteCursor } from './cursor';
import { encodeStruct } from './encode';
import { MemorySource } from './memory-source';
import { bytes, readStruct, struct, text, uint, type Field, type Struct } from './table';
import type { Endian } from './uint';

/** Numbers from 0 to 1, the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

type Values = Record<string, number | string | Uint8Array>;

/** Values of every field that a table lets be chosen; lengths follow from what they measure. */
function randomValues(layout: Struct, random: () => number): Values {
  const measures = new Set(layout.fields.flatMap((field) => (field.type === 'uint' ? [] : [field.size])));
  const values: Values = {};
  for (const field of layout.fields) {
    if (measures.has(field.name) || (field.type !== 'bytes' && field.is !== null)) continue;
    values[field.name] = randomValue(field, random);
  }
  return values;
}

function randomValue(field: Field, random: () => number): number | string | Uint8Array {
  if (field.type === 'uint') return Math.floor(random() * Math.min(256 ** field.size, Number.MAX_SAFE_INTEGER));
  const length = typeof field.size === 'number' ? field.size : Math.floor(random() * 200);
  const raw = Uint8Array.from({ length }, () => 0x20 + Math.floor(random() * 95));
  return field.type === 'bytes' ? raw : String.fromCharCode(...raw);
}

describe('every structure of the format', () => {
  const cases = Object.values(LAYOUT as Readonly<Record<string, Struct>>).flatMap((layout) =>
    (['big', 'little'] as const).map((endian): [string, Endian, Struct] => [layout.name, endian, layout]),
  );

  it.each(cases)('%s, %s-endian: what was encoded is read again, 50 times', async (_, endian, layout) => {
    const random = randomFrom(layout.name.length + 7);
    for (let round = 0; round < 50; round++) {
      const values = randomValues(layout, random);
      const encoded = encodeStruct(layout, values, endian);
      const cursor = new ByteCursor(new MemorySource(encoded), encoded.length, 0);
      const parsed = await readStruct(cursor, layout, endian);
      expect(parsed.values).toMatchObject(values);
      expect(parsed.length).toBe(encoded.length);
      expect(encodeStruct(layout, parsed.values, endian)).toEqual(encoded);
    }
  });
});

describe('values that do not fit', () => {
  const layout = struct('thing', 'section', [
    uint('length', 1, ''),
    text('name', 'length', ''),
    uint('number', 2, ''),
    bytes('tail', 2, ''),
  ]);
  const right = { name: 'abc', number: 1, tail: Uint8Array.of(1, 2) };

  it('the right ones do', () => {
    expect(encodeStruct(layout, right)).toEqual(Uint8Array.of(3, 97, 98, 99, 0, 1, 1, 2));
  });

  it.each([
    ['a number that is too large', { ...right, number: 65536 }],
    ['a negative number', { ...right, number: -1 }],
    ['half a number', { ...right, number: 0.5 }],
    ['a text longer than its length field holds', { ...right, name: 'x'.repeat(256) }],
    ['a length that is not that of the text', { ...right, length: 2 }],
    ['bytes of another length', { ...right, tail: Uint8Array.of(1) }],
    ['a field without a value', { name: 'abc', number: 1 }],
    ['no text to measure', { number: 1, tail: Uint8Array.of(1, 2) }],
  ])('%s is refused', (_, values) => {
    expect(() => encodeStruct(layout, values)).toThrow(RangeError);
  });
});
