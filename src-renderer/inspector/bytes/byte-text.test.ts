import { describe, expect, it } from 'vitest';
import { asciiChar, byteClass, groupedOffset, hexByte, hexText } from './byte-text';

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
