import { describe, expect, it } from 'vitest';
import { readBigUint, readUint, writeUint } from './uint';

const bytes = Uint8Array.of(0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef);

describe('readUint', () => {
  it.each([
    [0, 1, 'big', 0x01],
    [1, 2, 'big', 0x2345],
    [1, 2, 'little', 0x4523],
    [0, 4, 'big', 0x01234567],
    [4, 4, 'little', 0xefcdab89],
    [1, 6, 'big', 0x23456789abcd],
  ] as const)('reads at %i, %i bytes, %s-endian', (at, size, endian, value) => {
    expect(readUint(bytes, at, size, endian)).toBe(value);
    expect(readBigUint(bytes, at, size, endian)).toBe(BigInt(value));
  });

  it('agrees with DataView wherever the value is below 2^53, and tells where it is not', () => {
    const view = new DataView(new ArrayBuffer(8));
    const raw = new Uint8Array(view.buffer);
    for (let bit = 0n; bit < 64n; bit++) {
      for (const value of [1n << bit, (1n << bit) - 1n, (1n << bit) + 1n]) {
        view.setBigUint64(0, value);
        const read = readUint(raw, 0, 8);
        if (value <= BigInt(Number.MAX_SAFE_INTEGER)) expect(read).toBe(Number(value));
        else expect(Number.isSafeInteger(read)).toBe(false);
        expect(readBigUint(raw, 0, 8)).toBe(value);
      }
    }
  });

  it('does not read past the end', () => {
    expect(() => readUint(bytes, 5, 4)).toThrow(RangeError);
  });
});

describe('writing', () => {
  const numbers = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 3, 2 ** 53 - 1];
  it.each(['big', 'little'] as const)(
    '%s-endian: every number is read again, in every size that holds it',
    (endian) => {
      for (const number of numbers) {
        for (let size = 1; size <= 8; size++) {
          const bytes = new Uint8Array(12).fill(0xee);
          if (number >= 256 ** size) {
            expect(() => writeUint(bytes, 2, size, number, endian)).toThrow(RangeError);
            continue;
          }
          writeUint(bytes, 2, size, number, endian);
          expect(readUint(bytes, 2, size, endian)).toBe(number);
          expect([bytes[1], bytes[2 + size]]).toEqual([0xee, 0xee]);
        }
      }
    },
  );

  it('past the end is refused', () => {
    expect(() => writeUint(new Uint8Array(4), 1, 4, 0)).toThrow(RangeError);
  });
});
