/** Anchors in the forms in which kernels.wat looks for them. */
import { type Anchor, ANCHOR_BYTES } from '@shared/search/anchor';
import { shareOf } from '@shared/search/frequency';
import { asMaskedRange, type MaskedRange } from '@shared/search/masked-range';

const VECTOR = 16;
/** Room that each form has enough with. */
export const SKIP_TABLE_BYTES = ANCHOR_BYTES * 3 * VECTOR;
/** Two bytes of an anchor are enough to look for where both stand at no more than one place in so many. */
const SELDOM_PAIR = 1 / 2000;

const HOW = { pair: 1, ranges: 2, rows: 3 } as const;

export interface SkipTable {
  /** The kernel that takes it, as `scan` counts them. */
  readonly how: (typeof HOW)[keyof typeof HOW];
  readonly bytes: Uint8Array;
}

/** The quickest form that an anchor has. */
export function skipTableOf(anchor: Anchor): SkipTable {
  const ranges = rangesOf(anchor);
  if (ranges === null) return { how: HOW.rows, bytes: rowTables(anchor) };
  const pair = rarePair(ranges);
  return pair === null ? { how: HOW.ranges, bytes: rangeTable(ranges) } : { how: HOW.pair, bytes: pairTable(pair) };
}

interface RangeAt extends MaskedRange {
  /** Distance from the anchor's place. */
  readonly at: number;
  readonly share: number;
}

const ANY: MaskedRange = { mask: 0, low: 0, span: 0xff };

/** An anchor of one row whose sets are masked ranges; null for another. */
function rangesOf({ rows }: Anchor): readonly RangeAt[] | null {
  const [row, ...more] = rows;
  if (row === undefined || more.length > 0) return null;
  const ranges = row.flatMap((set, at): RangeAt[] => {
    const range = asMaskedRange(set);
    return range === null ? [] : [{ ...range, at, share: shareOf(set) }];
  });
  return ranges.length === row.length ? ranges : null;
}

/** The two rarest of the bytes that are one value each; null where those are not rare enough, or not two. */
function rarePair(ranges: readonly RangeAt[]): readonly [RangeAt, RangeAt] | null {
  const [one, two] = ranges.filter(({ span }) => span === 0).sort((a, b) => a.share - b.share);
  return one !== undefined && two !== undefined && one.share * two.share <= SELDOM_PAIR ? [one, two] : null;
}

function pairTable(pair: readonly [RangeAt, RangeAt]): Uint8Array {
  const bytes = new Uint8Array(SKIP_TABLE_BYTES);
  const words = new Uint32Array(bytes.buffer);
  for (const [index, { mask, low, at }] of pair.entries()) {
    bytes.fill(mask, 2 * index * VECTOR, (2 * index + 1) * VECTOR);
    bytes.fill(low, (2 * index + 1) * VECTOR, (2 * index + 2) * VECTOR);
    words[VECTOR + index] = at;
  }
  return bytes;
}

function rangeTable(ranges: readonly RangeAt[]): Uint8Array {
  const bytes = new Uint8Array(SKIP_TABLE_BYTES);
  for (let at = 0; at < ANCHOR_BYTES; at++) {
    const { mask, low, span } = ranges[at] ?? ANY;
    for (const [index, value] of [mask, low, span].entries()) {
      const from = (at * 3 + index) * VECTOR;
      bytes.fill(value, from, from + VECTOR);
    }
  }
  return bytes;
}

function rowTables({ rows }: Anchor): Uint8Array {
  const bytes = new Uint8Array(SKIP_TABLE_BYTES);
  for (let at = 0; at < ANCHOR_BYTES; at++) {
    const low = bytes.subarray(2 * at * VECTOR, (2 * at + 1) * VECTOR);
    const high = bytes.subarray((2 * at + 1) * VECTOR, (2 * at + 2) * VECTOR);
    for (const [index, row] of rows.entries()) {
      const bit = 2 ** index;
      const set = row[at];
      for (let byte = 0; byte < 256; byte++) {
        if (set !== undefined && !set.has(byte)) continue;
        low[byte % 16] = (low[byte % 16] ?? 0) | bit;
        high[byte >> 4] = (high[byte >> 4] ?? 0) | bit;
      }
    }
  }
  return bytes;
}
