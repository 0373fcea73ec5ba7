import type { ByteSet } from './byte-set';

/** Bytes that, masked, are at least `low` and at most `low` + `span`. */
export interface MaskedRange {
  readonly mask: number;
  readonly low: number;
  readonly span: number;
}

/** Masks worth trying: everything counts, one bit does not (0x20 is the case of a letter), nothing counts. */
const MASKS = [0xff, ...[0, 1, 2, 3, 4, 5, 6, 7].map((bit) => 0xff - 2 ** bit), 0];

/** A set as a masked range; null where it is none. */
export function asMaskedRange(set: ByteSet): MaskedRange | null {
  for (const mask of MASKS) {
    const values = set.bytes().map((byte) => byte & mask);
    const low = Math.min(...values);
    const span = Math.max(...values) - low;
    const back = Array.from({ length: 256 }, (_, byte) => byte).filter(
      (byte) => (byte & mask) >= low && (byte & mask) <= low + span,
    );
    if (back.length === set.size && back.every((byte) => set.has(byte))) return { mask, low, span };
  }
  return null;
}
