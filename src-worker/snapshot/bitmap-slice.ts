import { swapWords } from '@shared/bytes/bits';
import type { ByteSource } from '@shared/bytes/source';
import { byteCount, fileOffset } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import { bitmapOf } from '@shared/mapped-ram/byte-order';
import type { OpenSnapshot } from './open';

/**
 * The bits of `pages` pages of a block from page `firstPage` on, a multiple of 8: bit n of byte n >> 3 is page
 * `firstPage` + n, whatever the saving host's byte order was. Bits past the block's last page are 0.
 *
 * Rejects with `format.bad-value` when there is no such block, or none with a bitmap, or its byte order cannot be told.
 */
export async function readBitmapSlice(
  source: ByteSource,
  { stream, order }: OpenSnapshot,
  block: string,
  firstPage: number,
  pages: number,
): Promise<Uint8Array> {
  const found = stream.ramBlocks.find(({ name }) => name === block);
  const bitmap = found === undefined ? null : bitmapOf(found, stream.size);
  const bad = (what: string): Error =>
    fail('format.bad-value', 'reading a bitmap', what, 'The inspector shows what is in the file.', {
      where: { path: source.name, field: `bitmap of ${block}` },
    });
  if (bitmap === null) throw bad('there is no bitmap of this block');
  if (order === 'unknown') throw bad('the byte order of the bitmaps cannot be told');
  const result = new Uint8Array(Math.ceil(pages / 8));
  const end = Math.min(firstPage + pages, bitmap.pages);
  if (end <= firstPage) return result;
  // Whole 64-bit words, since a big-endian host's have their bytes the other way round.
  const from = Math.floor(firstPage / 64) * 8;
  const length = Math.min(bitmap.length, Math.ceil(end / 64) * 8) - from;
  const words = await source.read(fileOffset(bitmap.offset + from), byteCount(length));
  if (words.length < length) throw bad('the file ends inside it');
  const bytes = order === 'big' ? swapWords(words) : words;
  result.set(bytes.subarray(firstPage / 8 - from, Math.ceil(end / 8) - from));
  const spare = end % 8;
  if (spare !== 0) {
    const last = Math.ceil(end / 8) - firstPage / 8 - 1;
    result[last] = (result[last] ?? 0) & (0xff >> (8 - spare));
  }
  return result;
}
