export type Endian = 'big' | 'little';

/**
 * An unsigned integer of `size` bytes at `at`. Exact up to 2^53 − 1; a larger one comes back as some number above that,
 * which `Number.isSafeInteger` tells: the caller refuses it.
 */
export function readUint(bytes: Uint8Array, at: number, size: number, endian: Endian = 'big'): number {
  if (at + size > bytes.length) throw new RangeError(`${size} bytes at ${at} of ${bytes.length}`);
  let value = 0;
  for (let index = 0; index < size; index++) {
    value = value * 256 + (bytes[endian === 'big' ? at + index : at + size - 1 - index] ?? 0);
  }
  return value;
}

/** The same without a limit, for messages about values that do not fit. */
export function readBigUint(bytes: Uint8Array, at: number, size: number, endian: Endian = 'big'): bigint {
  let value = 0n;
  for (let index = 0; index < size; index++) {
    value = value * 256n + BigInt(bytes[endian === 'big' ? at + index : at + size - 1 - index] ?? 0);
  }
  return value;
}

/** Puts a whole number from 0 to 2^53 − 1 into `size` bytes at `at`; a `RangeError` when it does not fit into them. */
export function writeUint(bytes: Uint8Array, at: number, size: number, value: number, endian: Endian = 'big'): void {
  if (at + size > bytes.length) throw new RangeError(`${size} bytes at ${at} of ${bytes.length}`);
  if (!Number.isSafeInteger(value) || value < 0 || value >= 256 ** size) {
    throw new RangeError(`${value} does not fit into ${size} bytes`);
  }
  let rest = value;
  for (let index = 0; index < size; index++) {
    bytes[endian === 'big' ? at + size - 1 - index : at + index] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}
