/** What people type as values: numbers, sizes, files with an offset. */
import { hex } from '@shared/bytes/units';
import { failureOf } from '@shared/contracts/failure';
import { InvalidArgumentError } from 'commander';
import { readSize } from '../files/size';
import { splitFileReference, type FileReference } from '../snapshots/library/reference';

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

/** A byte position: like a size. */
export function position(text: string): number {
  const value = readSize(text);
  if (value === null) throw new InvalidArgumentError('It must be a number such as 4096, 0x1000 or 4K.');
  return value;
}

/** An address of 64 bits, decimal or `0x…`, as `0x` and hexadecimal. */
export function address64(text: string): string {
  const value = /^(\d+|0x[0-9a-f]+)$/i.test(text) ? BigInt(text) : -1n;
  if (value >= 0n && value < 2n ** 64n) return hex(value);
  throw new InvalidArgumentError('It must be an address of at most 64 bits, such as 0xffffffff81000000.');
}

/** A file and where its stream starts, when the person says so. */
export type FileArgument = FileReference;

/**
 * `FILE` or `FILE,offset=SIZE`, as in QEMU's `file:` URIs.
 * @throws InvalidArgumentError for an offset that is no size
 */
export function fileArgument(text: string): FileArgument {
  try {
    return splitFileReference(text);
  } catch (error) {
    throw new InvalidArgumentError(`${failureOf(error, 'reading a file name').what}.`);
  }
}
