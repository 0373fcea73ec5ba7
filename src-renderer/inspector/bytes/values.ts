/** The bytes at the cursor read as numbers, in both orders; as times; as an entry of the real-mode interrupt table. */
import { hex } from '@shared/bytes/units';
import { count } from '../../lib/format';

export interface NumberLine {
  readonly type: string;
  readonly little: string;
  readonly big: string;
}

type Reader = (view: DataView, littleEndian: boolean) => number | bigint;

const readers: readonly (readonly [type: string, size: number, read: Reader])[] = [
  ['u8', 1, (view) => view.getUint8(0)],
  ['i8', 1, (view) => view.getInt8(0)],
  ['u16', 2, (view, little) => view.getUint16(0, little)],
  ['i16', 2, (view, little) => view.getInt16(0, little)],
  ['u32', 4, (view, little) => view.getUint32(0, little)],
  ['i32', 4, (view, little) => view.getInt32(0, little)],
  ['u64', 8, (view, little) => view.getBigUint64(0, little)],
  ['i64', 8, (view, little) => view.getBigInt64(0, little)],
  ['f32', 4, (view, little) => view.getFloat32(0, little)],
  ['f64', 8, (view, little) => view.getFloat64(0, little)],
];

/** Most bytes that a line needs. */
export const VALUE_BYTES = 8;

function grouped(value: number | bigint): string {
  if (typeof value === 'number') return value < 0 ? `\u2212${count(-value)}` : count(value);
  const digits = (value < 0n ? -value : value).toString().replace(/\B(?=(\d{3})+$)/g, '\u00a0');
  return value < 0n ? `\u2212${digits}` : digits;
}

/** Characters of a fraction that are in a column without a break. */
const MOST_FRACTION = 15;

/** As many figures as the kind of number has for sure; very large and very small ones with an exponent. */
function fraction(value: number, figures: number): string {
  if (!Number.isFinite(value)) return value.toString().replace('-', '\u2212');
  const size = Math.abs(value);
  const text = size >= 1e7 || (size > 0 && size < 1e-4) ? value.toExponential(figures - 1) : value.toPrecision(figures);
  const [digits = '', exponent] = text.split('e');
  const short = digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits;
  return `${short}${exponent === undefined ? '' : `e${exponent.replace('+', '')}`}`.replaceAll('-', '\u2212');
}

/** With nine figures, or eight where sign and exponent take their place: the panel's columns are narrow. */
function shortFraction(value: number): string {
  const text = fraction(value, 9);
  return text.length > MOST_FRACTION ? fraction(value, 8) : text;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** One line per type; a type that needs more bytes than there are says so with a dash. */
export function numbersAt(bytes: Uint8Array): readonly NumberLine[] {
  const view = viewOf(bytes);
  return readers.map(([type, size, read]) => {
    const text = (little: boolean): string => {
      if (bytes.length < size) return '\u2013';
      const value = read(view, little);
      if (type === 'f32') return fraction(Number(value), 5);
      return type === 'f64' ? shortFraction(Number(value)) : grouped(value);
    };
    return { type, little: text(true), big: text(false) };
  });
}

export interface TimeLine {
  /** `Unix ms`; without a time what would be one. */
  readonly name: string;
  readonly order: 'little-endian' | 'big-endian';
  /** `2026-11-22 11:47:03`, UTC; null where no time comes out. */
  readonly text: string | null;
}

/** From 1601, the first day of FILETIME, to 1970. */
const FILETIME_EPOCH = 11_644_473_600n;
/** Times that are worth showing, in seconds of Unix: almost any 32 bits are a time otherwise. */
const PLAUSIBLE_FROM = BigInt(Date.UTC(1995, 0, 1) / 1000);
const PLAUSIBLE_TO = BigInt(Date.UTC(2045, 0, 1) / 1000);

/** By the bytes that they take. What 64 bits mean differs so much in size that at most one of them is plausible. */
const times: readonly (readonly [size: 4 | 8, none: string, kinds: readonly TimeKind[]])[] = [
  [4, 'Time, 32-bit', [['Unix s, 32-bit', (value) => value]]],
  [
    8,
    'Time, 64-bit',
    [
      ['Unix s, 64-bit', (value) => value],
      ['Unix ms', (value) => value / 1000n],
      ['Unix ns', (value) => value / 1_000_000_000n],
      ['FILETIME', (value) => value / 10_000_000n - FILETIME_EPOCH],
    ],
  ],
];
type TimeKind = readonly [name: string, seconds: (value: bigint) => bigint];

/** What the bytes are as times, where one from 1995 to 2044 comes out; always as many lines, so that nothing moves. */
export function timesAt(bytes: Uint8Array): readonly TimeLine[] {
  const view = viewOf(bytes);
  return times.flatMap(([size, none, kinds]) =>
    (['little-endian', 'big-endian'] as const).map((order): TimeLine => {
      if (bytes.length < size) return { name: none, order, text: null };
      const little = order === 'little-endian';
      const value = size === 4 ? BigInt(view.getUint32(0, little)) : view.getBigUint64(0, little);
      for (const [name, toSeconds] of kinds) {
        const seconds = toSeconds(value);
        if (seconds < PLAUSIBLE_FROM || seconds >= PLAUSIBLE_TO) continue;
        return { name, order, text: new Date(Number(seconds) * 1000).toISOString().slice(0, 19).replace('T', ' ') };
      }
      return { name: none, order, text: null };
    }),
  );
}

/** An address as 8 bytes hold it, the lowest byte first; null where there are fewer. */
export const pointerAt = (bytes: Uint8Array): bigint | null =>
  bytes.length < VALUE_BYTES ? null : viewOf(bytes).getBigUint64(0, true);

/** Bytes of the table of interrupt vectors that an x86 CPU in real mode has at address 0. */
const VECTORS_END = 1024;

export interface RealModeVector {
  /** `INT 10h` */
  readonly name: string;
  /** `c000:575b` */
  readonly text: string;
  /** Guest-physical. */
  readonly address: number;
}

/** The entry of the interrupt table that the byte at a guest-physical address begins; null where there is none. */
export function vectorAt(bytes: Uint8Array, guestPhysical: number | null): RealModeVector | null {
  if (guestPhysical === null || guestPhysical >= VECTORS_END || guestPhysical % 4 !== 0 || bytes.length < 4)
    return null;
  const view = viewOf(bytes);
  const [segment, offset] = [view.getUint16(2, true), view.getUint16(0, true)];
  const word = (value: number): string => value.toString(16).padStart(4, '0');
  const name = `INT ${hex(guestPhysical / 4).slice(2)}h`;
  return { name, text: `${word(segment)}:${word(offset)}`, address: segment * 16 + offset };
}
