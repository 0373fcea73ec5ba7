import { countOnes, isBitSet, placeOfBit, RunFinder, swapWords } from '../bytes/bits';
import type { Range } from '../bytes/ranges';
import type { ByteSource } from '../bytes/source';
import type { Endian } from '../bytes/uint';
import { byteCount, fileOffset, hex, type PageIndex } from '../bytes/units';
import { fail } from '../contracts/failure';

/** Bytes of a bitmap that are looked at in one go: a quarter of a million pages. */
const CHUNK = 256 * 1024;

/** A block's bitmap of pages in the file. Bit n of its row of words: page n was written. */
export interface Bitmap extends Range {
  readonly pages: number;
}

/**
 * Calls `visit(bytes, at)` for the bitmap's bytes in order, `at` counting from its start. Holes are stepped over: they
 * are zero. Rejects with `format.truncated` where the file ends inside the bitmap.
 */
async function eachChunk(
  source: ByteSource,
  bitmap: Bitmap,
  visit: (bytes: Uint8Array, at: number) => Promise<void> | void,
): Promise<void> {
  const end = bitmap.offset + bitmap.length;
  for (let offset: number = bitmap.offset; offset < end;) {
    const extent = await source.extentAt(fileOffset(offset));
    if (extent === null) throw truncated(source, bitmap);
    const hole = extent.kind === 'hole' ? extent.offset + extent.length - offset : 0;
    const wholeWords = hole - (hole % 8);
    if (wholeWords > 0) {
      offset += wholeWords;
      continue;
    }
    const length = Math.min(CHUNK, end - offset);
    const bytes = await source.read(fileOffset(offset), byteCount(length));
    if (bytes.length < length) throw truncated(source, bitmap);
    await visit(bytes, offset - bitmap.offset);
    offset += length;
  }
}

/** Number of set bits, whatever the byte order. */
export async function countBits(source: ByteSource, bitmap: Bitmap): Promise<number> {
  let ones = 0;
  await eachChunk(source, bitmap, (bytes) => {
    ones += countOnes(bytes);
  });
  return ones;
}

/** The bitmap's last word, where bits past the last page would be. */
export async function readLastWord(source: ByteSource, bitmap: Bitmap): Promise<Uint8Array> {
  if (bitmap.length === 0) return new Uint8Array(0);
  const word = await source.read(fileOffset(bitmap.offset + bitmap.length - 8), byteCount(8));
  if (word.length < 8) throw truncated(source, bitmap);
  return word;
}

/** Set bits of the last word that stand for pages the block does not have. */
export function bitsPastEnd(lastWord: Uint8Array, pages: number, order: Endian): number {
  const used = pages % 64;
  let count = 0;
  for (let bit = used === 0 ? 64 : used; bit < lastWord.length * 8; bit++) {
    if (isBitSet(lastWord, bit, order)) count++;
  }
  return count;
}

/** Whether page `page` is marked. */
export async function isPagePresent(
  source: ByteSource,
  bitmap: Bitmap,
  page: PageIndex,
  order: Endian,
): Promise<boolean> {
  const { byte, bit } = placeOfBit(page, order);
  const found = await source.read(fileOffset(bitmap.offset + byte), byteCount(1));
  if (found.length < 1) throw truncated(source, bitmap);
  return (((found[0] ?? 0) >>> bit) & 1) === 1;
}

/** Runs of marked pages in order, some at a time: first page and the page behind the last, in turn. */
export async function eachRuns(
  source: ByteSource,
  bitmap: Bitmap,
  order: Endian,
  visit: (runs: readonly number[]) => Promise<void>,
): Promise<void> {
  const finder = new RunFinder();
  let position = 0;
  let runs: number[] = [];
  const onRun = (first: number, end: number): void => {
    if (first < bitmap.pages) runs.push(first, Math.min(end, bitmap.pages));
  };
  const pass = async (): Promise<void> => {
    const batch = runs;
    runs = [];
    if (batch.length > 0) await visit(batch);
  };
  await eachChunk(source, bitmap, async (bytes, at) => {
    if (at > position) finder.addClear((at - position) * 8, onRun);
    position = at + bytes.length;
    finder.add(order === 'little' ? bytes : swapWords(bytes), onRun);
    await pass();
  });
  finder.finish(onRun);
  await pass();
}

/** Pages that would be marked in one byte order and not in the other: at most `most` of each. */
export async function ambiguousPages(
  source: ByteSource,
  bitmap: Bitmap,
  most: number,
): Promise<{ readonly little: readonly number[]; readonly big: readonly number[] }> {
  const only: Record<Endian, number[]> = { little: [], big: [] };
  await eachChunk(source, bitmap, (bytes, at) => {
    for (let word = 0; word < bytes.length; word += 8) {
      if (only.little.length >= most && only.big.length >= most) return;
      const view = bytes.subarray(word, word + 8);
      if (isSymmetric(view)) continue;
      for (let bit = 0; bit < 64; bit++) {
        const little = isBitSet(view, bit, 'little');
        if (little === isBitSet(view, bit, 'big')) continue;
        const list = only[little ? 'little' : 'big'];
        if (list.length < most) list.push((at + word) * 8 + bit);
      }
    }
  });
  return only;
}

const isSymmetric = (word: Uint8Array): boolean =>
  word[0] === word[7] && word[1] === word[6] && word[2] === word[5] && word[3] === word[4];

function truncated(source: ByteSource, bitmap: Bitmap): Error {
  return fail(
    'format.truncated',
    'reading a bitmap',
    `the file ends inside the bitmap at ${hex(bitmap.offset)} (${bitmap.length} bytes)`,
    'The file is not whole: which pages are in it cannot be told.',
    { where: { path: source.name, offset: bitmap.offset, field: 'bitmap' } },
  );
}
