/** One row of two files as cells: what is written in either, and which bytes differ. */
import { asciiChar, byteClass, hexByte } from '../bytes/byte-text';

export interface PairCell {
  readonly hex: string;
  readonly ascii: string;
  /** Class names that colour it. */
  readonly look: string;
}

/** The cells of one side; `other`: the same bytes of the other side. null while they have not come. */
export function pairCells(
  bytes: Uint8Array | null,
  other: Uint8Array | null,
  length: number,
  cursor: number | null,
): readonly PairCell[] {
  return Array.from({ length }, (_, column): PairCell => {
    const here = column === cursor ? ' cursor' : '';
    const byte = bytes?.[column];
    if (byte === undefined) return { hex: '', ascii: '', look: `blank${here}` };
    const differs = other !== null && other[column] !== byte ? ' differs' : '';
    return { hex: hexByte(byte), ascii: asciiChar(byte), look: byteClass(byte) + differs + here };
  });
}
