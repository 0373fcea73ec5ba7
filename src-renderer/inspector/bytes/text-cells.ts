/** What stands in the text pane for each byte of a row: one character a byte, or UTF-8. */
import { asciiChar } from './byte-text';

export type TextPane = 'ascii' | 'utf8';

/** Longest UTF-8 sequence. */
export const LONGEST_CHARACTER = 4;
/** Stands for the bytes behind a character's first. */
const GOES_ON = '\u2010';

const decoder = new TextDecoder('utf-8', { fatal: true });
const PRINTS = /^[^\p{C}\p{Z}]$/u;

/** Bytes of a character by its first byte (RFC 3629); 0 for a byte that begins none, 1 for ASCII. */
function lengthOf(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : LONGEST_CHARACTER;
}

/** The character of several bytes that begins at `at`; null where none does, or none that prints. */
function characterAt(bytes: Uint8Array, at: number): string | null {
  const length = lengthOf(bytes[at] ?? 0);
  if (length < 2 || at + length > bytes.length) return null;
  try {
    const text = decoder.decode(bytes.subarray(at, at + length));
    return PRINTS.test(text) ? text : null;
  } catch {
    return null;
  }
}

/**
 * The texts of `count` bytes from `from` on. `bytes` may have some more on either side, so that a character which begins in
 * the row before, or ends in the next one, is known.
 */
export function utf8Cells(bytes: Uint8Array, from: number, count: number): readonly string[] {
  const cells = Array.from({ length: count }, (_, index) => asciiChar(bytes[from + index] ?? 0));
  for (let at = Math.max(0, from - LONGEST_CHARACTER + 1); at < from + count;) {
    const character = characterAt(bytes, at);
    const length = character === null ? 1 : lengthOf(bytes[at] ?? 0);
    if (character !== null) {
      for (let behind = 0; behind < length; behind += 1) {
        const cell = at + behind - from;
        if (cell >= 0 && cell < count) cells[cell] = behind === 0 ? character : GOES_ON;
      }
    }
    at += length;
  }
  return cells;
}
