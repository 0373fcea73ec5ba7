/** Bytes and offsets as the hex view writes them. */

/** How a byte is coloured: zeros are quiet, 0xff stands out, text reads as text. */
export type ByteClass = 'zero' | 'text' | 'ones' | 'other';

const OFFSET_DIGITS = 16;

const hexBytes: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export const hexByte = (byte: number): string => hexBytes[byte] ?? '';

export function byteClass(byte: number): ByteClass {
  if (byte === 0) return 'zero';
  if (byte === 0xff) return 'ones';
  return byte >= 0x20 && byte <= 0x7e ? 'text' : 'other';
}

/** A byte in the ASCII column; what cannot be printed is a middle dot. */
export const asciiChar = (byte: number): string =>
  byte >= 0x20 && byte <= 0x7e ? String.fromCharCode(byte) : '\u00b7';

/** An offset in 16 digits, groups of four, its leading zeros apart because they are drawn quietly. */
export function groupedOffset(offset: number | bigint): { readonly lead: string; readonly rest: string } {
  const digits = offset.toString(16).padStart(OFFSET_DIGITS, '0');
  const zeros = Math.min(OFFSET_DIGITS - 1, digits.search(/[^0]|$/));
  const grouped = (from: number, to: number): string =>
    Array.from(digits.slice(from, to), (digit, index) => {
      const at = from + index;
      return at % 4 === 0 && at > 0 ? ` ${digit}` : digit;
    }).join('');
  return { lead: grouped(0, zeros), rest: grouped(zeros, OFFSET_DIGITS) };
}

/** Bytes as `51 45 56 4d`, as "Copy as hex" puts them on the clipboard, 16 to a line. */
export function hexText(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) lines.push(Array.from(bytes.subarray(at, at + 16), hexByte).join(' '));
  return lines.join('\n');
}
