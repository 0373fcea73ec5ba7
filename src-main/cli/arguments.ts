/** What people type as values: numbers, sizes, files with an offset. */
import { InvalidArgumentError } from 'commander';

/** QEMU's size suffixes. */
const SUFFIXES = 'BKMGTPE';

/**
 * A whole number, decimal or `0x…`, from `least` to `most`.
 * @throws InvalidArgumentError (commander's), which becomes a usage failure.
 */
export function wholeNumber(text: string, least: number, most: number): number {
  const value = /^(\d+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new InvalidArgumentError(
    most === Number.MAX_SAFE_INTEGER
      ? `It must be a whole number of at least ${least}.`
      : `It must be a whole number from ${least} to ${most}.`,
  );
}

/** For commander: a parser of whole numbers in a range. */
export const wholeNumberFrom =
  (least: number, most: number = Number.MAX_SAFE_INTEGER) =>
  (text: string): number =>
    wholeNumber(text, least, most);

/** Bytes as QEMU writes sizes: `4096`, `0x1000`, `4K`, `1.5M`; at most 2^53 − 1. Null for anything else. */
export function readSize(text: string): number | null {
  const hexadecimal = /^0x[0-9a-f]+$/i.test(text) ? Number(text) : null;
  const match = /^(\d+(?:\.\d+)?)([bkmgtpe]?)$/i.exec(text);
  if (hexadecimal === null && match === null) return null;
  const power = SUFFIXES.indexOf((match?.[2] ?? '').toUpperCase() || 'B');
  const value = hexadecimal ?? Number(match?.[1]) * 1024 ** power;
  return Number.isSafeInteger(value) ? value : null;
}

/** A byte position: like a size. */
export function position(text: string): number {
  const value = readSize(text);
  if (value === null) throw new InvalidArgumentError('It must be a number such as 4096, 0x1000 or 4K.');
  return value;
}

export interface FileArgument {
  readonly path: string;
  /** Where the stream starts in it; null: it is looked for. */
  readonly streamOffset: number | null;
}

/** `FILE` or `FILE,offset=SIZE`, as in QEMU's `file:` URIs. */
export function fileArgument(text: string): FileArgument {
  const match = /^(.+),offset=([^,]*)$/s.exec(text);
  if (match === null) return { path: text, streamOffset: null };
  const streamOffset = readSize(match[2] ?? '');
  if (streamOffset === null) {
    throw new InvalidArgumentError(`The offset "${match[2] ?? ''}" must be a number such as 4096, 0x1000 or 1M.`);
  }
  return { path: match[1] ?? '', streamOffset };
}
