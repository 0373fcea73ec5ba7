import { describe, expect, it } from 'vitest';
import { asciiChar, byteClass, groupedOffset, hexByte, hexText } from './byte-text';
import { numbersAt, textAt } from './values';

describe('an offset in the gutter', () => {
  it.each([
    [0, '0000 0000 0000 000', '0'],
    [0x10, '0000 0000 0000 00', '10'],
    [0x100040, '0000 0000 00', '10 0040'],
    [0x1000, '0000 0000 0000', ' 1000'],
    [2 ** 53 - 16, '00', '1f ffff ffff fff0'],
  ])('%d is written in 16 digits, its leading zeros apart', (offset, lead, rest) => {
    expect(groupedOffset(offset)).toEqual({ lead, rest });
  });

  it('reads as the offset again, for powers of two and their neighbours up to 2^53', () => {
    for (let power = 0; power <= 53; power += 1) {
      for (const offset of [2 ** power - 1, 2 ** power, 2 ** power + 1]) {
        const { lead, rest } = groupedOffset(Math.min(offset, Number.MAX_SAFE_INTEGER));
        const text = lead + rest;
        expect(text).toHaveLength(19);
        expect(Number.parseInt(text.replaceAll(' ', ''), 16)).toBe(Math.min(offset, Number.MAX_SAFE_INTEGER));
      }
    }
  });
});

describe('a byte', () => {
  it('is written as two digits and has one class, whatever its value', () => {
    const classes = { zero: 0, text: 0, ones: 0, other: 0 };
    for (let byte = 0; byte < 256; byte += 1) {
      expect(Number.parseInt(hexByte(byte), 16)).toBe(byte);
      expect(hexByte(byte)).toHaveLength(2);
      expect(asciiChar(byte)).toHaveLength(1);
      classes[byteClass(byte)] += 1;
    }
    expect(classes).toEqual({ zero: 1, text: 95, ones: 1, other: 159 });
  });

  it('is copied as hex, 16 to a line', () => {
    expect(hexText(Uint8Array.from({ length: 18 }, (_, index) => index))).toBe(
      '00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n10 11',
    );
  });
});

describe('data at the cursor', () => {
  it('is read in both byte orders', () => {
    const lines = numbersAt(Uint8Array.from([0x5b, 0x57, 0x00, 0xc0, 0x4d, 0xf8, 0x00, 0xf0]));
    expect(lines.map(({ type, little, big }) => [type, little, big].join(' | ').replaceAll(/\s/g, ' '))).toEqual([
      'u8 | 91 | 91',
      'i16 | 22 363 | 23 383',
      'u16 | 22 363 | 23 383',
      'u32 | 3 221 247 835 | 1 532 428 480',
      'u64 | 17 294 095 581 920 122 715 | 6 581 730 206 367 088 880',
      'f32 | −2.0053 | 6.0518e16',
    ]);
  });

  it.each([
    [0, '0'],
    [1, '1'],
    [-0.5, '−0.5'],
    [1234.5, '1234.5'],
    [100, '100'],
    [1e-10, '1e−10'],
    [Number.NaN, 'NaN'],
    [Number.NEGATIVE_INFINITY, '-Infinity'],
  ])('writes the fraction %d as %s', (value, text) => {
    const view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, value);
    expect(numbersAt(new Uint8Array(view.buffer)).at(-1)?.big).toBe(text);
  });

  it('says with a dash what reaches past the end of the file', () => {
    expect(numbersAt(Uint8Array.from([1, 2])).map(({ little }) => little)).toEqual(['1', '513', '513', '–', '–', '–']);
    expect(numbersAt(new Uint8Array()).every(({ big }) => big === '–')).toBe(true);
  });

  it('is text from three printable bytes on', () => {
    expect(textAt(new TextEncoder().encode('Linux version\0x'))).toBe('Linux version');
    expect(textAt(new TextEncoder().encode('ab\0'))).toBeNull();
    expect(textAt(new TextEncoder().encode('x'.repeat(100)))).toBe('x'.repeat(24));
  });
});
