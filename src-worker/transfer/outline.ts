import { closeSync } from 'node:fs';
import type { Lease } from '@shared/contracts/lease';
import type { StreamBlock } from '@shared/contracts/transfer';
import { readLegacyStream } from './legacy-reader';
import { openFile } from './open';
import { StreamInput } from './stream-input';
import { lookAtStream } from './stream-start';
import type { ListedBlock, StreamSink } from './stream-sink';
import { freeTurn } from './turn';

/** The RAMBlocks that a plain stream in a file lists, in its order, and which of them it has pages of. Rejects as a reader does. */
export async function outlineStream(state: Lease): Promise<readonly StreamBlock[]> {
  const end = openFile(state);
  try {
    const sink = new OutlineSink();
    await readLegacyStream(new StreamInput(end, freeTurn(), (await lookAtStream(state)).start), sink);
    return sink.blocks.map(({ name, usedLength }, index) => ({ name, usedLength, inStream: sink.seen.has(index) }));
  } finally {
    closeSync(end.fd);
  }
}

class OutlineSink implements StreamSink {
  blocks: readonly ListedBlock[] = [];
  readonly seen = new Set<number>();

  begin(): void {
    return;
  }
  copy(): void {
    return;
  }
  setPageSize(): void {
    return;
  }
  list({ blocks }: { readonly blocks: readonly ListedBlock[] }): void {
    this.blocks = blocks;
  }
  addPages(block: number): void {
    this.seen.add(block);
  }
  fillPage(block: number): void {
    this.seen.add(block);
  }
}
