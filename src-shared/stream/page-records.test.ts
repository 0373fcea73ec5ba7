import { describe, expect, it } from 'vitest';
import { buildStream, type Bytes } from '../../test/support/stream-builder';
import { MemorySource } from '../bytes/memory-source';
import type { ParsedStream } from './model';
import { walkPageRecords, type PageContext } from './page-records';
import { LAYOUT } from './layout';
import { parseStream } from './parse';

const BLOCKS = [
  { name: 'pc.ram', usedLength: 64 * 65536 },
  { name: 'rom', usedLength: 65536 },
];

const page = (pageSize: number, fill: number): Uint8Array => new Uint8Array(pageSize).fill(fill);

type Write = (bytes: Bytes) => unknown;

const parse = (records: readonly Write[], more = {}): Promise<ParsedStream> =>
  parseStream(
    new MemorySource(
      buildStream({
        mapped: false,
        blocks: BLOCKS,
        records: records.map((write) => (bytes: Bytes) => void write(bytes)),
        ...more,
      }),
      'file',
    ),
  );

describe('page records', () => {
  it.each([4096, 8192, 65536, 16384, 1024])(
    'with pages of %i bytes are walked, the size told by what follows',
    async (pageSize) => {
      const stream = await parse([
        (bytes) => bytes.uint(0x08, 8).name('pc.ram').raw(page(pageSize, 0x11)),
        (bytes) => {
          for (let index = 1; index < 9; index++) bytes.uint(index * pageSize + 0x28, 8).raw(page(pageSize, 0x22));
          bytes.uint(0x22 + 9 * pageSize, 8).uint(0, 1);
          bytes.uint(0x08, 8).name('rom').raw(page(pageSize, 0x33));
        },
      ]);
      expect(stream).toMatchObject({ complete: true, problems: [] });
      const counts = stream.sections.flatMap((section) => (section.type === 'command' ? [] : [section.counts]));
      expect(counts.slice(0, 2)).toEqual([
        { pages: 1, zeroPages: 0, packedPages: 0 },
        { pages: 9, zeroPages: 1, packedPages: 0 },
      ]);
    },
  );

  it('have the size that the configuration tells, where it tells one', async () => {
    // 4096 would make sense of these records, too.
    const inner = (bytes: Bytes): unknown =>
      bytes
        .raw(page(4096, 0))
        .uint(0x28 + 16384, 8)
        .raw(page(16384 - 4104, 0));
    const stream = await parse([(bytes) => inner(bytes.uint(0x08, 8).name('rom'))], { targetPageBits: 14 });
    expect(stream).toMatchObject({ complete: true, problems: [] });
    expect(stream.sections[0]).toMatchObject({ counts: { pages: 1 } });
  });

  it('may be XBZRLE or packed', async () => {
    const stream = await parse([
      (bytes) => {
        bytes.uint(0x40, 8).name('pc.ram').uint(1, 1).uint(5, 2).raw(page(5, 9));
        bytes
          .uint(0x120 + 4096, 8)
          .uint(77, 4)
          .raw(page(77, 9));
      },
    ]);
    expect(stream).toMatchObject({ complete: true, problems: [] });
    expect(stream.sections[0]).toMatchObject({ counts: { pages: 0, packedPages: 2 } });
  });

  it.each<[string, Write, RegExp]>([
    ['an unknown flag', (bytes) => bytes.uint(0x1001, 8), /flags 0x1 /],
    ['no flag', (bytes) => bytes.uint(0x1000, 8), /flags 0x0/],
    ['CONTINUE before any block', (bytes) => bytes.uint(0x22, 8).uint(0, 1), /before any was named/],
    ['an unknown block', (bytes) => bytes.uint(0x02, 8).name('pc.rum').uint(0, 1), /"pc\.rum" is no RAM block/],
    [
      'a page past the end',
      (bytes) =>
        bytes
          .uint(0x02 + 65536, 8)
          .name('rom')
          .uint(0, 1),
      /past the end of rom/,
    ],
    [
      'a packed page that is too long',
      (bytes) => bytes.uint(0x100, 8).name('rom').uint(0xffffffff, 4),
      /more than a page packs to/,
    ],
    ['a second block list', (bytes) => bytes.uint(0x04, 8), /listed a second time/],
    [
      'an address of 2^63',
      (bytes) =>
        bytes
          .uint(2n ** 63n + 2n, 8)
          .name('rom')
          .uint(0, 1),
      /./,
    ],
  ])('with %s stop the walk with its place', async (_, write, message) => {
    const stream = await parse([() => undefined, write]);
    expect(stream.complete).toBe(false);
    expect(stream.problems).toHaveLength(1);
    expect(stream.problems[0]).toMatchObject({
      code: 'bad-value',
      severity: 'error',
      offset: expect.any(Number) as number,
    });
    expect(stream.problems[0]?.message).toMatch(message);
  });

  it('are visited each with its block, address and bytes', async () => {
    const stream = await parse([
      (bytes) =>
        bytes
          .uint(0x08 + 8192, 8)
          .name('pc.ram')
          .raw(page(4096, 0x11))
          .uint(0x02, 8)
          .name('rom')
          .uint(0x77, 1),
    ]);
    const bytes = buildStream({
      mapped: false,
      blocks: BLOCKS,
      records: [
        (out) =>
          out
            .uint(0x08 + 8192, 8)
            .name('pc.ram')
            .raw(page(4096, 0x11))
            .uint(0x02, 8)
            .name('rom')
            .uint(0x77, 1),
      ],
    });
    const seen: [string, number, string, number | undefined][] = [];
    const start = stream.ramBlocks.at(-1)?.record;
    const context: PageContext = {
      layout: LAYOUT,
      blocks: new Map(stream.ramBlocks.map((block) => [block.name, block])),
      pageSize: null,
      lastBlock: null,
    };
    const from = (start?.offset ?? 0) + (start?.length ?? 0);
    await walkPageRecords(new MemorySource(bytes), bytes.length, from, context, (block, address, kind, at) => {
      seen.push([block.name, address, kind, bytes[at]]);
    });
    expect(seen).toEqual([
      ['pc.ram', 8192, 'page', 0x11],
      ['rom', 0, 'zero', 0x77],
    ]);
    expect(context.pageSize).toBe(4096);
  });

  it('that the file ends inside are truncated', async () => {
    const bytes = buildStream({
      mapped: false,
      blocks: BLOCKS,
      records: [(out) => out.uint(0x08, 8).name('rom').raw(page(4096, 1))],
    });
    const stream = await parseStream(new MemorySource(bytes.subarray(0, 2000)));
    expect(stream).toMatchObject({ complete: false, problems: [{ code: 'truncated' }] });
  });
});
