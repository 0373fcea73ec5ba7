import type { ByteSource } from '@shared/bytes/source';
import type { Problem } from '@shared/contracts/inspect';
import { findBitmapOrder, type BitmapOrder, type OrderFinding } from '@shared/mapped-ram/byte-order';
import type { ParsedStream } from '@shared/stream/model';
import { parseStream, type ParseOptions } from '@shared/stream/parse';
import { Problems } from '@shared/stream/problems';

/** A file that was read as a migration stream, and what is known of it. Its source stays open. */
export interface OpenSnapshot {
  readonly source: ByteSource;
  readonly stream: ParsedStream;
  /** Byte order of the page bitmaps. */
  readonly order: BitmapOrder;
  /** Of the stream and of the bitmaps. */
  readonly problems: readonly Problem[];
  readonly orderFinding: OrderFinding;
}

/**
 * Reads a file's structure and how its bitmaps are to be read, never its pages: a file of any size opens in milliseconds.
 *
 * Rejects as `parseStream` does; what is wrong further on is in `problems`.
 */
export async function openSnapshot(source: ByteSource, options: ParseOptions = {}): Promise<OpenSnapshot> {
  const stream = await parseStream(source, options);
  const problems = new Problems(stream.problems);
  const finding = await findBitmapOrder(source, stream.size, stream.ramBlocks);
  reportOrder(stream, finding, problems);
  return { source, stream, order: finding.order, orderFinding: finding, problems: problems.list };
}

function reportOrder(stream: ParsedStream, finding: OrderFinding, problems: Problems): void {
  for (const block of finding.badTails) {
    const at = block.header?.mapped?.bitmap.offset ?? null;
    problems.add('error', 'bitmap-tail', at, `The bitmap of ${block.name} marks pages that the block does not have.`);
  }
  if (finding.order !== 'unknown') return;
  const first = stream.ramBlocks.find((block) => block.header?.mapped)?.header?.mapped?.bitmap.offset ?? null;
  problems.add('error', 'bitmap-order', first, `The byte order of the bitmaps cannot be told: ${finding.why}.`);
}
