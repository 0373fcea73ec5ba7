/** Arguments of the page that more than one service takes: they come from another process. */
import { fail } from '@shared/contracts/failure';
import type { BlockRange } from '@shared/contracts/search';

const MOST_RANGES = 4096;

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** The refusal of an argument. */
export const refusedArgument = (doing: string, name: string, expected: string): Error =>
  fail('worker.refused', doing, `${name} has to be ${expected}`, 'Report this; it is a fault in Stillframe.');

/** One of a few values. */
export function oneOf<T>(allowed: readonly T[], value: unknown, doing: string): T {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  throw refusedArgument(doing, String(value), `one of ${allowed.join(', ')}`);
}

/** Parts of blocks; null stands for all of them. */
export function checkedRanges(ranges: unknown, doing: string): readonly BlockRange[] | null {
  if (ranges === null) return null;
  if (!Array.isArray(ranges) || ranges.length > MOST_RANGES) throw refusedArgument(doing, 'ranges', 'a list');
  return ranges.map((value: unknown): BlockRange => {
    if (!isRecord(value)) throw refusedArgument(doing, 'ranges', 'a list of ranges');
    const { block, start, end } = value;
    const whole = (number: unknown): number => {
      if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number;
      throw refusedArgument(doing, 'a range', 'whole numbers from 0 on');
    };
    if (typeof block !== 'string') throw refusedArgument(doing, 'block', 'a text');
    return { block, start: whole(start), end: whole(end) };
  });
}
