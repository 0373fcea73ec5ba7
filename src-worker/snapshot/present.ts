import type { ByteSource } from '@shared/bytes/source';
import { hex } from '@shared/bytes/units';
import { bitsPastEnd, countBits, readLastWord } from '@shared/mapped-ram/bitmap';
import { bitmapOf, type OrderFinding } from '@shared/mapped-ram/byte-order';
import type { ParsedStream, RamBlock } from '@shared/stream/model';
import type { Problems } from '@shared/stream/problems';
import type { OpenSnapshot } from './open';

/** Present pages by block; null for a block without a readable bitmap. */
export type PresentCounts = ReadonlyMap<RamBlock, number | null>;

/** Counts the present pages of every block: 4 MiB of bitmap (128 GiB of RAM) take some milliseconds. */
export async function countPresentPages(snapshot: OpenSnapshot): Promise<PresentCounts> {
  const { source, stream, orderFinding } = snapshot;
  const counts = new Map<RamBlock, number | null>();
  for (const block of stream.ramBlocks) {
    counts.set(block, await countPresent(source, stream.size, block, orderFinding));
  }
  return counts;
}

/** Present pages of a block. The order matters only to bits past the last page, which are left out. */
async function countPresent(
  source: ByteSource,
  fileSize: number,
  block: RamBlock,
  finding: OrderFinding,
): Promise<number | null> {
  const bitmap = bitmapOf(block, fileSize);
  if (bitmap === null) return null;
  const ones = await countBits(source, bitmap);
  if (!finding.badTails.includes(block)) return ones;
  if (finding.order === 'unknown') return null;
  const order = finding.order === 'either' ? 'little' : finding.order;
  return ones - bitsPastEnd(await readLastWord(source, bitmap), bitmap.pages, order);
}

/** Says when no page of any block is marked. */
export function reportEmptyBitmaps(stream: ParsedStream, present: PresentCounts, problems: Problems): void {
  const counts = [...present.values()].filter((count) => count !== null);
  if (counts.length === 0 || counts.some((count) => count > 0)) return;
  const at = stream.ramBlocks.find((block) => block.header?.mapped)?.header?.mapped?.bitmap.offset ?? null;
  const where = at === null ? '' : ` (the first is at ${hex(at)})`;
  const severity = stream.complete ? 'warning' : 'error';
  problems.add(severity, 'bitmaps-empty', at, `No bitmap marks any page${where}: bitmaps are what a save writes last.`);
}
