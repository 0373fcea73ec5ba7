import { describe, expect, it } from 'vitest';
import { readBigUint, readUint } from './uint';

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
