import { describe, expect, it } from 'vitest';
import { ByteCursor } from './cursor';
import { MemorySource } from './memory-source';
import { bytes, fieldOf, readStruct, struct, text, uint } from './table';

const TABLE = struct('sample', 'block', [
  uint('type', 1, 'Always 7.', { is: 7 }),
  uint('length', 1, 'Bytes of the name.'),
  text('name', 'length', 'A name.'),
  uint('size', 8, 'A size.'),
  bytes('rest', 2, 'Two more.'),
]);

const RIGHT = [7, 3, 0x61, 0x62, 0x63, 0, 0, 0, 0, 0, 1, 0, 2, 0xaa, 0xbb];

async function read(content: readonly number[], windowBytes = 64): Promise<Awaited<ReturnType<typeof readAt>>> {
  return readAt(Uint8Array.from([0xff, ...content]), windowBytes);
}

async function readAt(content: Uint8Array, windowBytes: number) {
  const cursor = new ByteCursor(new MemorySource(content, 'file'), content.length, 1, windowBytes);
  return { parsed: await readStruct(cursor, TABLE), end: cursor.offset };
}

describe('a structure read by its table', () => {
  it('has each value under its name, and each field at its place', async () => {
    const { parsed, end } = await read(RIGHT);
    expect(parsed.values).toEqual({ type: 7, length: 3, name: 'abc', size: 0x10002, rest: Uint8Array.of(0xaa, 0xbb) });
    expect(parsed.fields.map(({ offset, length }) => [offset, length])).toEqual([
      [1, 1],
      [2, 1],
      [3, 3],
      [6, 8],
      [14, 2],
    ]);
    expect([parsed.offset, parsed.length, end]).toEqual([1, 15, 16]);
    expect(fieldOf(parsed, 'size').offset).toBe(6);
  });

  it('is the same through a window smaller than it', async () => {
    expect(await read(RIGHT, 1)).toEqual(await read(RIGHT));
  });

  it.each(RIGHT.map((_, length) => length))('cut to %i bytes is truncated, with offset and field', async (length) => {
    await expect(read(RIGHT.slice(0, length))).rejects.toMatchObject({
      failure: {
        code: 'format.truncated',
        where: { path: 'file', field: expect.stringContaining('sample') as string },
      },
    });
  });

  it('refuses a number of 2^53 with its exact value', async () => {
    const large = [...RIGHT.slice(0, 5), 0x00, 0x20, 0, 0, 0, 0, 0, 0x01, 0, 0];
    await expect(read(large)).rejects.toMatchObject({
      failure: {
        code: 'format.bad-value',
        where: { offset: 6, field: 'size' },
        what: expect.stringContaining('0x20000000000001') as string,
      },
    });
  });

  it('refuses another value where only one is right', async () => {
    await expect(read([8, ...RIGHT.slice(1)])).rejects.toMatchObject({
      failure: { code: 'format.bad-value', where: { offset: 1, field: 'type' } },
    });
  });
});
