import type { ByteSource } from '../bytes/source';
import type { Endian } from '../bytes/uint';
import { byteCount, fileOffset } from '../bytes/units';
import { ambiguousPages, bitsPastEnd, readLastWord, type Bitmap } from './bitmap';
import type { MappedHeader } from './header';

/** A RAM block, as far as its bitmap goes. */
export interface HeadedBlock {
  readonly name: string;
  readonly header: MappedHeader | null;
}

/** Pages looked at for each byte order when the bitmaps alone do not tell. */
const SAMPLES = 64;

/**
 * The byte order of a file's bitmaps: the saving host's, which is written down nowhere.
 * `either`: every word reads the same both ways. `unknown`: nothing decides, so no page can be looked up.
 */
export type BitmapOrder = Endian | 'either' | 'unknown';

export interface OrderFinding {
  readonly order: BitmapOrder;
  /** What decided, or what contradicts itself: a phrase. */
  readonly why: string;
  /** Blocks whose last word has bits past the last page in both orders. */
  readonly badTails: readonly HeadedBlock[];
}

/** A block's bitmap; null for a block without one, or whose bitmap lies past the end of the file. */
export function bitmapOf(block: HeadedBlock, fileSize: number): Bitmap | null {
  const { header } = block;
  if (header?.mapped == null) return null;
  const { bitmap } = header.mapped;
  return bitmap.offset + bitmap.length > fileSize ? null : { ...bitmap, pages: header.pagesTotal };
}

/**
 * Tells the byte order of the bitmaps, first by bits that would stand past a block's last page, then by content: pages
 * marked in only one of the orders have bytes there if that order is right, and (but for what a live save leaves behind)
 * none if it is wrong. When blocks contradict each other, or nothing differs, it is `unknown`: never guessed.
 */
export async function findBitmapOrder(
  source: ByteSource,
  fileSize: number,
  blocks: readonly HeadedBlock[],
): Promise<OrderFinding> {
  const badTails: HeadedBlock[] = [];
  const votes = new Map<Endian, HeadedBlock>();
  for (const block of blocks) {
    const bitmap = bitmapOf(block, fileSize);
    if (bitmap === null || bitmap.length === 0) continue;
    const lastWord = await readLastWord(source, bitmap);
    const little = bitsPastEnd(lastWord, bitmap.pages, 'little') === 0;
    const big = bitsPastEnd(lastWord, bitmap.pages, 'big') === 0;
    if (!little && !big) badTails.push(block);
    else if (little !== big) votes.set(little ? 'little' : 'big', block);
  }
  const [vote, contradiction] = [...votes];
  if (contradiction !== undefined && vote !== undefined) {
    const why = `${vote[1].name} can only be ${vote[0]}-endian, ${contradiction[1].name} only ${contradiction[0]}-endian`;
    return { order: 'unknown', why, badTails };
  }
  if (vote !== undefined) return { order: vote[0], why: `bits past the last page of ${vote[1].name}`, badTails };
  return { ...(await orderByContent(source, fileSize, blocks)), badTails };
}

async function orderByContent(
  source: ByteSource,
  fileSize: number,
  blocks: readonly HeadedBlock[],
): Promise<Omit<OrderFinding, 'badTails'>> {
  const filled = { little: 0, big: 0 };
  let ambiguous = 0;
  for (const block of blocks) {
    const bitmap = bitmapOf(block, fileSize);
    if (bitmap === null || !block.header?.mapped) continue;
    const { pageSize, mapped } = block.header;
    const pages = await ambiguousPages(source, bitmap, SAMPLES);
    ambiguous += pages.little.length + pages.big.length;
    for (const order of ['little', 'big'] as const) {
      for (const page of pages[order]) {
        if (await hasContent(source, mapped.pages.offset + page * pageSize, pageSize)) filled[order]++;
      }
    }
  }
  if (ambiguous === 0) return { order: 'either', why: 'every word reads the same both ways' };
  if (filled.little > 0 && filled.big === 0) return { order: 'little', why: 'only so do marked pages have bytes' };
  if (filled.big > 0 && filled.little === 0) return { order: 'big', why: 'only so do marked pages have bytes' };
  return { order: 'unknown', why: 'the bitmaps make sense in both byte orders' };
}

async function hasContent(source: ByteSource, offset: number, length: number): Promise<boolean> {
  const extent = await source.extentAt(fileOffset(offset));
  if (extent === null || (extent.kind === 'hole' && extent.offset + extent.length >= offset + length)) return false;
  return (await source.read(fileOffset(offset), byteCount(length))).some((byte) => byte !== 0);
}
