/** One row of two files as text: stretches of bytes that look alike, since a row is drawn anew with every step. */
import { asciiChar, byteClass, hexByte } from '../bytes/byte-text';
import { ROW_BYTES } from './pair-rows';

/** Bytes that stand beside each other and look alike. */
export interface Stretch {
  /** `51 45 56 4d`, or the characters. */
  readonly text: string;
  /** Class names that colour it. */
  readonly look: string;
  /** What stands between it and the next one. */
  readonly gap: string;
}

export interface RowText {
  readonly hex: readonly Stretch[];
  readonly ascii: readonly Stretch[];
}

/** Characters that the hexadecimal bytes of a row take: 16 of two, 15 gaps, and one more in the middle. */
export const HEX_CHARS = 2 * ROW_BYTES + ROW_BYTES - 1 + 1;

/** One side's row; `other`: the bytes of the other side there. null while they have not come. */
export function rowText(
  bytes: Uint8Array | null,
  other: Uint8Array | null,
  length: number,
  cursor: number | null,
): RowText {
  const hex: { text: string; look: string; gap: string }[] = [];
  const ascii: { text: string; look: string; gap: string }[] = [];
  for (let column = 0; column < length; column += 1) {
    const byte = bytes?.[column];
    const look = lookOf(byte, other?.[column], column === cursor);
    const gap = column === length - 1 ? '' : column === ROW_BYTES / 2 - 1 ? '  ' : ' ';
    const [written, character] = byte === undefined ? ['  ', ' '] : [hexByte(byte), asciiChar(byte)];
    const [lastHex, lastAscii] = [hex.at(-1), ascii.at(-1)];
    if (lastHex !== undefined && lastAscii !== undefined && lastHex.look === look) {
      lastHex.text += lastHex.gap + written;
      lastHex.gap = gap;
      lastAscii.text += character;
    } else {
      hex.push({ text: written, look, gap });
      ascii.push({ text: character, look, gap: '' });
    }
  }
  return { hex, ascii };
}

function lookOf(byte: number | undefined, other: number | undefined, here: boolean): string {
  const kind = byte === undefined ? 'blank' : byteClass(byte);
  const differs = byte !== undefined && other !== undefined && byte !== other ? ' differs' : '';
  return `${kind}${differs}${here ? ' cursor' : ''}`;
}

/** Which byte of a row is at a share of its width, 0 … 1: of the hexadecimal bytes, or of the characters. */
export function columnAt(pane: 'hex' | 'ascii', share: number): number {
  const character = share * (pane === 'hex' ? HEX_CHARS : ROW_BYTES);
  if (pane === 'ascii') return Math.min(ROW_BYTES - 1, Math.floor(character));
  // A gap belongs to the byte before it.
  const middle = (ROW_BYTES / 2) * 3;
  return Math.min(ROW_BYTES - 1, Math.floor((character > middle ? character - 1 : character) / 3));
}
