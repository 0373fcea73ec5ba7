import { describe, expect, it } from 'vitest';
import { numbersAt, pointerAt, timesAt, vectorAt } from './values';

const readable = (bytes: readonly number[]): string[] =>
  numbersAt(Uint8Array.from(bytes)).map(({ type, little, big }) =>
    [type, little, big].join(' | ').replaceAll(/\s/g, ' '),
  );

describe('data at the cursor', () => {
  it('is read in both byte orders', () => {
    expect(readable([0x5b, 0x57, 0x00, 0xc0, 0x4d, 0xf8, 0x00, 0xf0])).toEqual([
      'u8 | 91 | 91',
      'i8 | 91 | 91',
      'u16 | 22 363 | 23 383',
      'i16 | 22 363 | 23 383',
      'u32 | 3 221 247 835 | 1 532 428 480',
      'i32 | −1 073 719 461 | 1 532 428 480',
      'u64 | 17 294 095 581 920 122 715 | 6 581 730 206 367 088 880',
      'i64 | −1 152 648 491 789 428 901 | 6 581 730 206 367 088 880',
      'f32 | −2.0053 | 6.0518e16',
      'f64 | −3.29326666e231 | 1.02047262e132',
    ]);
  });

  it('agrees with how an array of numbers holds them, whatever the bytes', () => {
    for (let seed = 1; seed < 500; seed += 7) {
      const bytes = Uint8Array.from({ length: 8 }, (_, index) => (seed * 167 + index * 89) % 256);
      const plain = (text: string): string => text.replaceAll('\u00a0', '').replaceAll('−', '-');
      const lines = new Map(numbersAt(bytes).map((line) => [line.type, line]));
      expect(plain(lines.get('i64')?.little ?? '')).toBe(String(new BigInt64Array(bytes.buffer)[0]));
      expect(plain(lines.get('i64')?.big ?? '')).toBe(String(new BigInt64Array(bytes.toReversed().buffer)[0]));
      expect(plain(lines.get('i16')?.little ?? '')).toBe(String(new Int16Array(bytes.buffer)[0]));
      const double = new Float64Array(bytes.buffer)[0] ?? 0;
      expect(Number(plain(lines.get('f64')?.little ?? '')) / double).toBeCloseTo(1, 7);
    }
  });

  it.each([
    [[0, 0, 0, 0], '0'],
    [[0, 0, 0x80, 0x3f], '1'],
    [[0, 0, 0xc8, 0x42], '100'],
    [[0, 0, 0x7a, 0x44], '1000'],
    [[0, 0, 0x80, 0x7f], 'Infinity'],
    [[0, 0, 0x80, 0xff], '−Infinity'],
    [[0, 0, 0xc0, 0x7f], 'NaN'],
  ])('%s is the fraction %s', (bytes, text) => {
    expect(numbersAt(Uint8Array.from(bytes)).find(({ type }) => type === 'f32')?.little).toBe(text);
  });

  it.each([
    [1.23456789012e100, '1.23456789e100'],
    [1.23456789012e-308, '1.23456789e−308'],
    [-1.23456789012e100, '−1.23456789e100'],
    [-1.23456789012e-308, '−1.2345679e−308'],
  ])('%d has at most 15 characters', (value, text) => {
    const bytes = new Uint8Array(Float64Array.of(value).buffer);
    expect(numbersAt(bytes).find(({ type }) => type === 'f64')?.little).toBe(text);
  });

  it('says with a dash that there are too few bytes', () => {
    expect(readable([0xff]).slice(0, 4)).toEqual(['u8 | 255 | 255', 'i8 | −1 | −1', 'u16 | – | –', 'i16 | – | –']);
    expect(numbersAt(new Uint8Array()).every(({ little, big }) => little === '–' && big === '–')).toBe(true);
    expect(pointerAt(new Uint8Array(7))).toBeNull();
  });
});

describe('times', () => {
  const moment = BigInt(Date.UTC(2026, 10, 22, 11, 47, 3));
  const of = (value: bigint, little = true): Uint8Array => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value, little);
    return bytes;
  };
  const found = (bytes: Uint8Array): string[] =>
    timesAt(bytes).flatMap(({ name, order, text }) => (text === null ? [] : [`${name}, ${order}: ${text}`]));

  it.each([
    ['Unix s, 64-bit', moment / 1000n],
    ['Unix ms', moment],
    ['Unix ns', moment * 1_000_000n],
    ['FILETIME', (moment + 11_644_473_600_000n) * 10_000n],
  ])('%s', (name, value) => {
    expect(found(of(value))).toContain(`${name}, little-endian: 2026-11-22 11:47:03`);
    expect(found(of(value, false))).toContain(`${name}, big-endian: 2026-11-22 11:47:03`);
  });

  it('32 bits of seconds; and none where the date is far off, in zeros or in too few bytes', () => {
    expect(found(of(moment / 1000n).subarray(0, 4))).toContain('Unix s, 32-bit, little-endian: 2026-11-22 11:47:03');
    expect(found(of(0n))).toEqual([]);
    expect(found(of(2n ** 64n - 1n))).toEqual([]);
    expect(found(of(moment).subarray(0, 3))).toEqual([]);
  });

  it('have their lines whether there are any or not', () => {
    const lines = (bytes: Uint8Array): string[] =>
      timesAt(bytes).map(({ name, order, text }) => `${name}, ${order}: ${text ?? '–'}`);
    expect(lines(new Uint8Array())).toEqual([
      'Time, 32-bit, little-endian: –',
      'Time, 32-bit, big-endian: –',
      'Time, 64-bit, little-endian: –',
      'Time, 64-bit, big-endian: –',
    ]);
    for (const bytes of [new Uint8Array(3), of(0n), of(moment), of(moment / 1000n), of(moment, false)])
      expect(lines(bytes)).toHaveLength(4);
    // Letters are times in both orders.
    expect(found(new TextEncoder().encode('>mem'))).toHaveLength(2);
  });
});

describe('the interrupt table', () => {
  const bytes = Uint8Array.from([0x5b, 0x57, 0x00, 0xc0]);
  it('has an entry every four bytes of the first KiB', () => {
    expect(vectorAt(bytes, 0x40)).toEqual({ name: 'INT 10h', text: 'c000:575b', address: 0xc575b });
    expect(vectorAt(bytes, 0x41)).toBeNull();
    expect(vectorAt(bytes, 0x400)).toBeNull();
    expect(vectorAt(bytes, null)).toBeNull();
  });
});
