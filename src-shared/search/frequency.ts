/** How often each byte stands in the memory of a running guest, roughly: of pages in use, in a thousandth of all bytes. */
import type { ByteSet } from './byte-set';

const COMMON_LETTERS = 'etaoinsrldcu';

/** Measured on Linux guests of some 100 MiB; only the order of magnitude counts. */
function perMille(byte: number): number {
  if (byte === 0) return 300;
  if (byte === 0xff) return 30;
  if (byte === 0x20) return 20;
  const character = String.fromCharCode(byte);
  if (COMMON_LETTERS.includes(character)) return 12;
  if (character >= 'a' && character <= 'z') return 6;
  if (character >= '0' && character <= '9') return 5;
  if (byte < 0x10) return 8;
  return byte < 0x80 ? 3 : 2.5;
}

const FREQUENCIES = Float64Array.from({ length: 256 }, (_, byte) => perMille(byte) / 1000);

/** The share of all bytes, 0 … 1, that a byte has. */
export const frequencyOf = (byte: number): number => FREQUENCIES[byte] ?? 0;

/** The share of all bytes that are in a set. */
export const shareOf = (set: ByteSet): number =>
  Math.min(
    1,
    set.bytes().reduce((sum, byte) => sum + frequencyOf(byte), 0),
  );

/** The share of all bytes that have `value` in the bits of `mask`. */
export function shareOfMasked(value: number, mask: number): number {
  let share = 0;
  for (let byte = 0; byte < 256; byte++) if ((byte & mask) === value) share += frequencyOf(byte);
  return Math.min(1, share);
}
