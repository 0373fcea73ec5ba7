/** From counts to class and entropy: the rule of docs/page-classes.md. */
import { PAGE_CLASSES, type PageClass } from '@shared/contracts/inspector-pages';
import { LEVELS, packLook } from '@shared/contracts/page-scan';
import { COUNTS } from './kernels';

/** Shares from which on a page is of a class. */
const TEXT_SHARE = 0.9;
const ADDRESS_SHARE = 1 / 8;
const ENTRY_SHARE = 3 / 4;
const PAIR_SHARE = 1 / 100;
const A64_SHARE = 0.7;
/** Text of less than a sixteenth of the page is no page of text. */
const LEAST_TEXT = 1 / 16;
const LEAST_ADDRESSES = 8;
/** Code is never as uniform as a fill pattern. */
const LEAST_CODE_ENTROPY = 4;
/** Compressed and encrypted pages come this close, in bits, to the entropy of random bytes. */
const BELOW_RANDOM = 0.35;

/** Where the counts of printable ASCII, tab, line feed and carriage return are. */
const TEXT_COUNTS = Uint16Array.from(
  [9, 10, 13, ...Array.from({ length: 0x5f }, (_, at) => 0x20 + at)],
  (byte) => COUNTS.bytes + byte,
);

/** Where the counts are of the upper bytes of the commonest instructions of A64: loads and stores, moves, sums, comparisons, branches, addresses. */
const A64_COUNTS = Uint16Array.from(
  [
    ...[0xf8, 0xf9, 0xb8, 0xb9, 0x38, 0x39, 0x78, 0x79, 0xa8, 0xa9, 0x29, 0x88, 0xc8],
    ...[0x2a, 0xaa, 0x52, 0xd2, 0x72, 0xf2, 0x12, 0x92, 0x0a, 0x8a, 0x32, 0xb2],
    ...[0x0b, 0x8b, 0x11, 0x91, 0x31, 0xb1, 0x4b, 0xcb, 0x51, 0xd1, 0x6a, 0xea, 0x6b, 0xeb, 0x71, 0xf1],
    ...[0x53, 0xd3, 0x13, 0x93, 0x1a, 0x9a, 0x1b, 0x9b, 0x5a, 0xda, 0x7a, 0xfa],
    ...[0x14, 0x17, 0x94, 0x97, 0x54, 0x34, 0x35, 0xb4, 0xb5, 0x36, 0x37, 0xd4, 0xd5, 0xd6, 0xb6, 0xb7],
    ...[0x10, 0x30, 0x50, 0x70, 0x90, 0xb0, 0xd0, 0xf0],
  ],
  (byte) => COUNTS.upperBytes + byte,
);

/** c × log₂ c for counts of pages up to 4 KiB. */
const PRODUCTS = Float64Array.from({ length: 4097 }, (_, count) => (count === 0 ? 0 : count * Math.log2(count)));

/** Class and entropy, packed, of a page of `size` bytes whose counts the kernel left. */
export function lookOf(counts: Uint32Array, size: number): number {
  const entropy = entropyOf(counts, size);
  const kind = PAGE_CLASSES.indexOf(classOf(counts, size, entropy));
  return packLook(kind, Math.round((entropy / 8) * LEVELS));
}

/** Shannon entropy of the bytes by their values alone, 0 … 8 bit. */
export function entropyOf(counts: Uint32Array, size: number): number {
  const first = COUNTS.bytes;
  let sum = 0;
  for (let byte = 0; byte < 256; byte++) {
    const count = counts[first + byte] ?? 0;
    if (count > 4096) sum += count * Math.log2(count);
    else if (count > 1) sum += PRODUCTS[count] ?? 0;
  }
  return Math.log2(size) - sum / size;
}

export function classOf(counts: Uint32Array, size: number, entropy: number): PageClass {
  const count = (at: number): number => counts[at] ?? 0;
  const words = count(COUNTS.words);
  if (words === 0) return 'zero';
  const filled = size - count(COUNTS.bytes);
  if (filled >= size * LEAST_TEXT && textOf(counts) >= filled * TEXT_SHARE) return 'text';
  if (entropy >= randomEntropy(size) - BELOW_RANDOM) return 'compressed';
  const [addresses, entries] = [count(COUNTS.addresses), count(COUNTS.entries)];
  if (addresses >= LEAST_ADDRESSES && addresses >= words * ADDRESS_SHARE) return 'pointers';
  if (entries >= words * ENTRY_SHARE) return 'pointers';
  if (entropy < LEAST_CODE_ENTROPY) return 'other';
  if (count(COUNTS.pairs) >= words * 8 * PAIR_SHARE || a64Of(counts) >= words * 2 * A64_SHARE) return 'code';
  return 'other';
}

/** What the entropy of random bytes comes out as: less than 8 bit, since a page has only so many. */
const randomEntropy = (size: number): number => 8 - 255 / (2 * Math.LN2 * size);

function textOf(counts: Uint32Array): number {
  let sum = 0;
  for (const at of TEXT_COUNTS) sum += counts[at] ?? 0;
  return sum;
}

function a64Of(counts: Uint32Array): number {
  let sum = 0;
  for (const at of A64_COUNTS) sum += counts[at] ?? 0;
  return sum;
}
