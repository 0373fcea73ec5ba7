import { xxh3 } from '@node-rs/xxhash';
import { randomBytes, randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { IoBuffer } from '../io/io-buffer';
import { twinPagesWithData, twinXxh3 } from './twin.fixture';

const MIB = 1024 * 1024;
const buffer = new IoBuffer(4 * MIB);
const PAGE_SIZES = [512, 1024, 2048, 4096, 8192, 16384, 65536];

function digestOf(at: number, length: number): bigint {
  const out = Buffer.alloc(8);
  buffer.digest(at, length, out);
  return out.readBigUInt64LE(0);
}

describe('pages with data', () => {
  it.each(PAGE_SIZES)('of %i bytes are found by one byte, wherever it is', (pageSize) => {
    buffer.bytes.fill(0);
    for (let at = 0; at < 2 * pageSize; at += pageSize > 4096 ? 7 : 1) {
      buffer.bytes[at] = 1 << (at % 8);
      expect(buffer.pagesWithData(0, pageSize, 2)[0]).toBe(at < pageSize ? 1 : 2);
      buffer.bytes[at] = 0;
    }
    expect(buffer.pagesWithData(0, pageSize, 2)[0]).toBe(0);
  });

  it.each(PAGE_SIZES)('of %i bytes are those that the twin finds, for every count and density', (pageSize) => {
    for (const density of [0, 0.01, 0.5, 0.99, 1]) {
      for (let count = 0; count <= Math.min(40, (4 * MIB) / pageSize); count++) {
        const area = buffer.bytes.subarray(0, count * pageSize);
        area.fill(0);
        for (let page = 0; page < count; page++) {
          if (Math.random() < density) area[page * pageSize + randomInt(pageSize)] = randomInt(1, 256);
        }
        expect(Buffer.from(buffer.pagesWithData(0, pageSize, count))).toEqual(
          Buffer.from(twinPagesWithData(area, pageSize)),
        );
      }
    }
  });

  it('are found from any byte on', () => {
    buffer.bytes.fill(0);
    buffer.bytes[1000 + 3 * 1024] = 9;
    expect([...buffer.pagesWithData(1000, 1024, 12)]).toEqual([8, 0]);
  });

  it.each([
    [3 * 1024, 1],
    [256, 1],
    [131072, 1],
    [4096, 2000],
  ])('of %i bytes × %i are refused', (pageSize, count) => {
    expect(() => buffer.pagesWithData(0, pageSize, count)).toThrow(RangeError);
  });
});

describe('a digest', () => {
  it('is what xxHash says, for every length around stripes, blocks and pages', () => {
    randomBytes(256 * 1024).copy(buffer.bytes);
    const lengths = [
      ...Array.from({ length: 2400 }, (_, index) => 241 + index),
      ...[4, 8, 16, 64, 128].flatMap((kib) => [-65, -64, -1, 0, 1, 63, 64].map((off) => kib * 1024 + off)),
    ];
    for (const length of lengths) {
      expect(digestOf(0, length)).toBe(xxh3.xxh64(buffer.bytes.subarray(0, length)));
    }
  });

  it('is what xxHash and the twin say, at any place and of a whole MiB', () => {
    randomBytes(2 * MIB).copy(buffer.bytes);
    for (const [at, length] of [
      [0, 1024],
      [1, 4096],
      [13, 5000],
      [4095, 65536],
    ] as const) {
      const view = buffer.bytes.subarray(at, at + length);
      expect(digestOf(at, length)).toBe(xxh3.xxh64(view));
      expect(digestOf(at, length)).toBe(twinXxh3(view));
    }
    for (const at of [0, MIB, 4096]) expect(digestOf(at, MIB)).toBe(xxh3.xxh64(buffer.bytes.subarray(at, at + MIB)));
  });

  it('of zeros, of ones and of every page size is what the twin says', () => {
    for (const value of [0, 0xff]) {
      buffer.bytes.fill(value);
      for (const length of PAGE_SIZES) {
        expect(digestOf(0, length)).toBe(twinXxh3(buffer.bytes.subarray(0, length)));
      }
    }
  });

  it('of less than 241 bytes, or past the end, is refused', () => {
    const out = new Uint8Array(8);
    expect(() => buffer.digest(0, 240, out)).toThrow(RangeError);
    expect(() => buffer.digest(4 * MIB, 4 * MIB, out)).toThrow(RangeError);
  });
});
