import { describe, expect, it } from 'vitest';
import { buildStream } from '../../test/support/stream-builder';
import { MemorySource } from '../bytes/memory-source';
import { parseStream } from './parse';

const read = (text: string) =>
  parseStream(new MemorySource(buildStream({ blocks: [{ name: 'ram', usedLength: 4096 }], description: { text } })));

const device = (state: object): string => JSON.stringify({ devices: [{ name: 'timer', instance_id: 0, ...state }] });

const lengthOf = async (state: object): Promise<number | undefined> =>
  (await read(device(state))).description?.devices?.[0]?.length;

describe('the length of a device, from its description', () => {
  it('is the sum of its fields, an array counted once for each element', async () => {
    expect(await lengthOf({ fields: [{ size: 3 }, { size: 4, array_len: 5 }, { size: 2, index: 0 }] })).toBe(25);
  });

  it('takes a structure as its size tells it, and adds subsections with their heads', async () => {
    const inner = { vmsd_name: 'timer/sub', fields: [{ size: 10 }], subsections: [{ vmsd_name: 'x', fields: [] }] };
    const fields = [{ size: 8, struct: { fields: [{ size: 3 }, { size: 5 }] } }];
    expect(await lengthOf({ fields, subsections: [inner] })).toBe(8 + (6 + 9 + 10) + (6 + 1));
  });
});

describe('a description that cannot be used is a warning, never a crash', () => {
  const deep = (depth: number): string => '{"subsections":['.repeat(depth) + ']}'.repeat(depth);

  it.each([
    ['no JSON', '{"devices": ['],
    ['not an object', '[1, 2]'],
    ['no devices', '{"page_size": 4096}'],
    ['devices that are no list', '{"devices": {}}'],
    ['a device that is none', '{"devices": [7]}'],
    ['a device without a name', '{"devices": [{"instance_id": 0, "fields": []}]}'],
    ['a field without a size', device({ fields: [{ name: 'x' }] })],
    ['a size below zero', device({ fields: [{ size: -1 }] })],
    ['a size with a fraction', device({ fields: [{ size: 1.5 }] })],
    ['sizes past 2^53', device({ fields: [{ size: 2 ** 52, array_len: 4 }] })],
    ['a subsection without a name', device({ fields: [], subsections: [{ fields: [] }] })],
    ['nesting without end', deep(100_000)],
    ['a million and more entries', `{"devices": [${'0,'.repeat(1_000_001)}0]}`],
    ['a lone surrogate', '{"devices": "\ud800"}'],
  ])('%s', async (_, text) => {
    const stream = await read(text);
    expect(stream.complete).toBe(true);
    expect(stream.problems).toEqual([
      expect.objectContaining({
        code: 'description-unreadable',
        severity: 'warning',
        offset: stream.description?.text.offset,
      }),
    ]);
  });

  it('bytes that are no UTF-8', async () => {
    const bytes = buildStream({ blocks: [{ name: 'ram', usedLength: 4096 }] });
    bytes[bytes.length - 3] = 0xff;
    const stream = await parseStream(new MemorySource(bytes));
    expect(stream.problems[0]).toMatchObject({ code: 'description-unreadable' });
    expect(stream.problems[0]?.message).toContain('UTF-8');
  });

  it('more than 16 MiB', async () => {
    const stream = await read(`{"devices": []}${' '.repeat(16 * 1024 * 1024)}`);
    expect(stream.problems[0]).toMatchObject({ code: 'description-unreadable' });
  });

  it('cut off, it makes the file incomplete', async () => {
    const bytes = buildStream({ blocks: [{ name: 'ram', usedLength: 4096 }] });
    const stream = await parseStream(new MemorySource(bytes.subarray(0, bytes.length - 1)));
    expect(stream).toMatchObject({
      complete: false,
      problems: [{ code: 'truncated' }],
      description: { devices: null },
    });
  });
});
