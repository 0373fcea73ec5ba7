/** What can be said of a row's bytes beside them: text that begins there, addresses of the guest's kernel. */
import { hexByte } from './byte-text';

/** Fewer characters in a row are more likely chance than text. */
const LEAST_TEXT = 6;
const MOST_TEXT = 40;
const POINTER_BYTES = 8;

export type RowNote =
  | { readonly kind: 'text'; readonly text: string }
  /** A guest-virtual address, which may or may not be mapped. `offset`: of its first byte in the row. */
  | { readonly kind: 'pointer'; readonly address: string; readonly offset: number };

const prints = (byte: number): boolean => byte >= 0x20 && byte <= 0x7e;

/**
 * The first note of `count` bytes at `from`; those before and behind say whether a text goes on. `aligned`: offset of the
 * row's first byte modulo 8, in whose steps addresses stand.
 */
export function noteOf(bytes: Uint8Array, from: number, count: number, aligned: number): RowNote | null {
  return textIn(bytes, from, count) ?? pointerIn(bytes, from, count, aligned);
}

/** A text that begins in the row: what began in a row before was told there. */
function textIn(bytes: Uint8Array, from: number, count: number): RowNote | null {
  for (let at = from; at < from + count;) {
    let end = at;
    while (end < bytes.length && prints(bytes[end] ?? 0)) end += 1;
    const began = at === from && at > 0 && prints(bytes[at - 1] ?? 0);
    if (!began && end - at >= LEAST_TEXT) {
      const text = String.fromCharCode(...bytes.subarray(at, Math.min(end, at + MOST_TEXT)));
      return { kind: 'text', text: end - at > MOST_TEXT ? `${text}…` : text };
    }
    at = Math.max(end, at + 1);
  }
  return null;
}

/** An aligned little-endian word with the sign bits of x86-64's and AArch64's kernels: 0xffff8… and up, or 0xffff0…. */
function pointerIn(bytes: Uint8Array, from: number, count: number, aligned: number): RowNote | null {
  for (let at = from + ((POINTER_BYTES - aligned) % POINTER_BYTES); at + POINTER_BYTES <= from + count; at += 8) {
    const word = bytes.subarray(at, at + POINTER_BYTES);
    if (word.length < POINTER_BYTES || word[7] !== 0xff || word[6] !== 0xff) continue;
    // 0xffffffff in the upper half alone is a small negative number as often as an address.
    const low = (word[3] ?? 0) >= 0x80;
    if (word[5] === 0xff && word[4] === 0xff && (!low || (word[3] === 0xff && word[2] === 0xff))) continue;
    const address = `0x${Array.from(word).reverse().map(hexByte).join('')}`;
    return { kind: 'pointer', address, offset: at - from };
  }
  return null;
}
