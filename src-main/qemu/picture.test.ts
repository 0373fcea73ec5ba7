import { inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ppmToPng } from './picture';

const ppm = (width: number, height: number, pixels: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`P6\n${String(width)} ${String(height)}\n255\n`), pixels]);

describe('a picture of the screen', () => {
  test('has the same pixels as PNG', async () => {
    const pixels = Buffer.from(Array.from({ length: 5 * 3 * 3 }, (_, index) => (index * 37) % 256));
    const png = await ppmToPng(ppm(5, 3, pixels));
    expect(png?.readUInt32BE(16)).toBe(5);
    expect(png?.readUInt32BE(20)).toBe(3);
    const at = png?.indexOf('IDAT') ?? -1;
    const rows = inflateSync(png?.subarray(at + 4, at + 4 + (png?.readUInt32BE(at - 4) ?? 0)) ?? Buffer.alloc(0));
    const back = Buffer.concat([0, 1, 2].map((row) => rows.subarray(row * 16 + 1, row * 16 + 16)));
    expect(back).toEqual(pixels);
    expect([0, 1, 2].map((row) => rows[row * 16])).toEqual([0, 0, 0]);
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('hello')],
    ['a picture that is cut off', ppm(10, 10, Buffer.alloc(299))],
    ['one of no size', ppm(0, 10, Buffer.alloc(0))],
    ['one larger than any screen', ppm(99999, 99999, Buffer.alloc(10))],
    ['16 bits per colour', Buffer.from('P6\n1 1\n65535\n123456')],
  ])('is not made of %s', async (_, bytes) => {
    expect(await ppmToPng(bytes)).toBeNull();
  });
});
