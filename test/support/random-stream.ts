/** Streams of random records in random sections, and what they leave in memory. */
import { playRecords, RecordWriter, type ModelBlock, type ModelRecord } from './records';
import { buildStream, type BuiltStream } from './stream-builder';

/** Numbers from 0 to 1, the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed * 7919 + 1;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

export interface RandomStream {
  readonly bytes: Uint8Array;
  readonly blocks: readonly ModelBlock[];
  readonly pageSize: number;
  /** What a loader leaves in memory. */
  readonly memory: readonly Buffer[];
  /** Pages that are in it at the end. */
  readonly present: readonly ReadonlySet<number>[];
  /** Pages that ever had bytes. */
  readonly ever: number;
}

export interface RandomOptions {
  readonly pageSize?: number;
  /** Whether the configuration tells the page size; otherwise the records do. */
  readonly tellsPageSize?: boolean;
  readonly more?: Partial<BuiltStream>;
  /** Pages of every block are first sent once, in order, as QEMU does. */
  readonly wholeFirst?: boolean;
}

/** Three blocks; pages in any order, most of them several times, also back to zero and as a fill. */
export function randomStream(seed: number, options: RandomOptions = {}): RandomStream {
  const { pageSize = 4096, tellsPageSize = false, wholeFirst = true } = options;
  const random = randomFrom(seed);
  const blocks = [
    { name: 'pc.ram', usedLength: 300 * pageSize },
    { name: '0000:00:01.0/vga.vram', usedLength: 67 * pageSize },
    { name: '/rom@etc/acpi/tables', usedLength: 3 * pageSize },
  ];
  const pagesOf = (block: number): number => (blocks[block]?.usedLength ?? 0) / pageSize;
  const recordOf = (block: number, page: number): ModelRecord => {
    const dice = random();
    if (dice < 0.35) return { kind: 'fill', block, page, fill: dice < 0.02 ? 0x5a : 0 };
    const bytes = Buffer.alloc(pageSize, 1 + Math.floor(random() * 255));
    bytes.writeUInt32BE(Math.floor(random() * 2 ** 32), Math.floor(random() * (pageSize - 4)));
    return { kind: 'page', block, page, bytes };
  };
  const sections: ModelRecord[][] = [[]];
  if (wholeFirst) {
    for (let block = 0; block < blocks.length; block++) {
      for (let page = 0; page < pagesOf(block); page++) sections.at(-1)?.push(recordOf(block, page));
      if (random() < 0.5) sections.push([]);
    }
  }
  for (let round = 0; round < 400; round++) {
    const block = Math.floor(random() * blocks.length);
    sections.at(-1)?.push(recordOf(block, Math.floor(random() * pagesOf(block))));
    if (random() < 0.02) sections.push([]);
  }
  const writer = new RecordWriter(blocks, pageSize);
  const bytes = buildStream({
    mapped: false,
    blocks,
    records: sections.map((records) => (into) => {
      for (const record of records) writer.write(into, record);
    }),
    ...(tellsPageSize ? { targetPageBits: Math.log2(pageSize) } : {}),
    ...options.more,
  });
  return { bytes, blocks, pageSize, ...playRecords(blocks, pageSize, sections.flat()) };
}
