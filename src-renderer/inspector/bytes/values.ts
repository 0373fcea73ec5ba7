/** The bytes at the cursor read as numbers, in both orders. */
import { count } from '../../lib/format';

export interface NumberLine {
  readonly type: string;
  readonly little: string;
  readonly big: string;
}

type Reader = (view: DataView, littleEndian: boolean) => number | bigint;

const readers: readonly (readonly [type: string, size: number, read: Reader])[] = [
  ['u8', 1, (view) => view.getUint8(0)],
  ['i16', 2, (view, little) => view.getInt16(0, little)],
  ['u16', 2, (view, little) => view.getUint16(0, little)],
  ['u32', 4, (view, little) => view.getUint32(0, little)],
  ['u64', 8, (view, little) => view.getBigUint64(0, little)],
  ['f32', 4, (view, little) => view.getFloat32(0, little)],
];

/** Most bytes that a line needs. */
export const VALUE_BYTES = 8;

function grouped(value: number | bigint): string {
  if (typeof value === 'number') return value < 0 ? `\u2212${count(-value)}` : count(value);
  return value.toString().replace(/\B(?=(\d{3})+$)/g, '\u00a0');
}

/** Five figures; very large and very small ones with an exponent. */
function fraction(value: number): string {
  if (!Number.isFinite(value)) return value.toString();
  const size = Math.abs(value);
  const text = size >= 1e7 || (size > 0 && size < 1e-4) ? value.toExponential(4) : value.toPrecision(5);
  return text
    .replace(/\.?0+(?=e|$)/, '')
    .replace('e+', 'e')
    .replaceAll('-', '\u2212');
}

/** One line per type; a type that needs more bytes than there are says so with a dash. */
export function numbersAt(bytes: Uint8Array): readonly NumberLine[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return readers.map(([type, size, read]) => {
    const text = (little: boolean): string => {
      if (bytes.length < size) return '\u2013';
      const value = read(view, little);
      return type === 'f32' ? fraction(Number(value)) : grouped(value);
    };
    return { type, little: text(true), big: text(false) };
  });
}

/** The printable text that begins at the cursor, at most 24 characters; null when there is none. */
export function textAt(bytes: Uint8Array): string | null {
  const end = bytes.findIndex((byte) => byte < 0x20 || byte > 0x7e);
  const text = String.fromCharCode(...bytes.subarray(0, Math.min(24, end < 0 ? bytes.length : end)));
  return text.length >= 3 ? text : null;
}
