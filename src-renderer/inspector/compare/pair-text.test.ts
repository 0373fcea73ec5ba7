import { describe, expect, it } from 'vitest';
import { columnAt, HEX_CHARS, rowText } from './pair-text';

const written = (row: readonly { text: string; gap: string }[]): string =>
  row.map(({ text, gap }) => text + gap).join('');
const bytes = Uint8Array.from({ length: 16 }, (_, at) => at);

describe('a row of two files', () => {
  it('has its bytes in their places, whatever looks alike', () => {
    const line = '00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f';
    expect(line).toHaveLength(HEX_CHARS);
    for (const cursor of [null, 0, 7, 8, 15]) {
      const other = bytes.map((byte) => (byte % 3 === 0 ? 99 : byte));
      expect(written(rowText(bytes, other, 16, cursor).hex)).toBe(line);
      expect(written(rowText(bytes, other, 16, cursor).ascii)).toHaveLength(16);
    }
    expect(rowText(bytes, bytes, 16, null).hex.map(({ text, look }) => [text, look])).toEqual([
      ['00', 'zero'],
      ['01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f', 'other'],
    ]);
  });

  it('marks what differs, and the cursor', () => {
    const other = bytes.map((byte) => (byte === 6 || byte === 7 || byte === 8 ? 0xff : byte));
    expect(rowText(bytes, other, 16, 7).hex.map(({ text, look, gap }) => [text, look, gap])).toEqual([
      ['00', 'zero', ' '],
      ['01 02 03 04 05', 'other', ' '],
      ['06', 'other differs', ' '],
      ['07', 'other differs cursor', '  '],
      ['08', 'other differs', ' '],
      ['09 0a 0b 0c 0d 0e 0f', 'other', ''],
    ]);
    expect(rowText(other, bytes, 16, null).hex[2]).toEqual({ text: 'ff ff  ff', look: 'ones differs', gap: ' ' });
  });

  it('is blank while its bytes have not come, and marks nothing beside such', () => {
    expect(rowText(null, bytes, 16, null).hex).toEqual([{ text: ' '.repeat(HEX_CHARS), look: 'blank', gap: '' }]);
    expect(rowText(bytes, null, 16, null).hex.some(({ look }) => look.includes('differs'))).toBe(false);
  });

  it('is pointed at by the byte', () => {
    for (let column = 0; column < 16; column += 1) {
      const start = column * 3 + (column >= 8 ? 1 : 0);
      for (const character of [start + 0.1, start + 1.9]) expect(columnAt('hex', character / HEX_CHARS)).toBe(column);
      expect(columnAt('ascii', (column + 0.5) / 16)).toBe(column);
    }
    expect([columnAt('hex', 1), columnAt('ascii', 1)]).toEqual([15, 15]);
  });
});
