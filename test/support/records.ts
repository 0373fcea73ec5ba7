/**
 * Page records of a legacy stream, and what they leave in memory. Own code: it knows the format from FORMAT.md, not from the
 * project's tables.
 */
import type { Bytes } from './stream-builder';

export interface ModelBlock {
  readonly name: string;
  readonly usedLength: number;
}

export type ModelRecord =
  | { readonly kind: 'page'; readonly block: number; readonly page: number; readonly bytes: Uint8Array }
  | { readonly kind: 'fill'; readonly block: number; readonly page: number; readonly fill: number };

/** Writes records as QEMU does: CONTINUE where the block is that of the record before. */
export class RecordWriter {
  readonly #blocks: readonly ModelBlock[];
  readonly #pageSize: number;
  #last = -1;

  constructor(blocks: readonly ModelBlock[], pageSize: number) {
    this.#blocks = blocks;
    this.#pageSize = pageSize;
  }

  write(bytes: Bytes, record: ModelRecord): void {
    const goesOn = record.block === this.#last;
    const flags = (record.kind === 'page' ? 0x08 : 0x02) + (goesOn ? 0x20 : 0);
    bytes.uint(record.page * this.#pageSize + flags, 8);
    if (!goesOn) bytes.name(this.#blocks[record.block]?.name ?? '');
    this.#last = record.block;
    if (record.kind === 'page') bytes.raw(record.bytes);
    else bytes.uint(record.fill, 1);
  }
}

/** The memory of every block after all records, and which pages hold bytes that were sent. */
export function playRecords(
  blocks: readonly ModelBlock[],
  pageSize: number,
  records: readonly ModelRecord[],
): { readonly memory: readonly Buffer[]; readonly present: readonly ReadonlySet<number>[]; readonly ever: number } {
  const memory = blocks.map(({ usedLength }) => Buffer.alloc(usedLength));
  const present = blocks.map(() => new Set<number>());
  const ever = blocks.map(() => new Set<number>());
  for (const record of records) {
    const bytes = record.kind === 'page' ? record.bytes : Buffer.alloc(pageSize, record.fill);
    memory[record.block]?.set(bytes, record.page * pageSize);
    if (record.kind === 'fill' && record.fill === 0) present[record.block]?.delete(record.page);
    else {
      present[record.block]?.add(record.page);
      ever[record.block]?.add(record.page);
    }
  }
  return { memory, present, ever: ever.reduce((sum, { size }) => sum + size, 0) };
}
