/**
 * Units as types. A number that is an offset in a file cannot be handed to code that wants a page number.
 *
 * All of them are whole numbers from 0 to 2^53 − 1: they are checked once, where 64-bit values enter from a file
 * or from QEMU, and bit operators are never used on them (those truncate to 32 bits).
 */
declare const unit: unique symbol;
type Unit<Name extends string> = number & { readonly [unit]: Name };

/** Bytes from the start of a file. */
export type FileOffset = Unit<'FileOffset'>;
/** Bytes from the start of a RAMBlock. */
export type BlockOffset = Unit<'BlockOffset'>;
/** A guest-physical address. */
export type GuestPhysical = Unit<'GuestPhysical'>;
/** The number of a target page inside its RAMBlock. */
export type PageIndex = Unit<'PageIndex'>;
/** A length in bytes. */
export type ByteCount = Unit<'ByteCount'>;
/** A number of pages. */
export type PageCount = Unit<'PageCount'>;

function checked(value: number, name: string): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${name} must be 0 … 2^53 − 1, not ${value}`);
  return value;
}

export const fileOffset = (value: number): FileOffset => checked(value, 'a file offset') as FileOffset;
export const blockOffset = (value: number): BlockOffset => checked(value, 'a block offset') as BlockOffset;
export const guestPhysical = (value: number): GuestPhysical =>
  checked(value, 'a guest-physical address') as GuestPhysical;
export const pageIndex = (value: number): PageIndex => checked(value, 'a page number') as PageIndex;
export const byteCount = (value: number): ByteCount => checked(value, 'a length') as ByteCount;
export const pageCount = (value: number): PageCount => checked(value, 'a page count') as PageCount;

/** `0x` and lower-case hexadecimal, as every message and every JSON reader here shows an offset. */
export const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
