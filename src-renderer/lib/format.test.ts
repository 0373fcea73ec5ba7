import { describe, expect, test } from 'vitest';
import { ago, count, counted, day, duration, percent, ram, rate, roughly, size, timeLeft } from './format';

/** No-break spaces as ordinary ones, so that a table stays readable. */
const plain = (text: string): string => text.replaceAll('\u00a0', ' ');

test('no number and no unit is torn apart at the end of a line', () => {
  expect(count(1_670_680)).not.toMatch(/[ \u2009]/);
  expect(size(6_840_000_000)).not.toContain(' ');
});

describe('counts', () => {
  test.each([
    [0, '0'],
    [999, '999'],
    [1000, '1 000'],
    [1_670_680, '1 670 680'],
    [2 ** 53 - 1, '9 007 199 254 740 991'],
  ])('%d is written %s', (value, text) => expect(plain(count(value))).toBe(text));

  test.each([
    [100_642, '100 600'],
    [12_345_678, '12 350 000'],
    [1_234, '1 234'],
    [999.6, '1 000'],
    [12, '12'],
  ])('a glance at %d shows %s', (value, text) => expect(plain(roughly(value))).toBe(text));

  test('one is not plural', () => {
    expect(plain(counted(1, 'snapshot'))).toBe('1 snapshot');
    expect(plain(counted(0, 'snapshot'))).toBe('0 snapshots');
    expect(plain(counted(2, 'pass', 'passes'))).toBe('2 passes');
  });
});

describe('RAM is binary', () => {
  test.each([
    [0, '0 bytes'],
    [4096, '4 KiB'],
    [20_275, '19.8 KiB'],
    [256 * 2 ** 20, '256 MiB'],
    [28.2 * 2 ** 20, '28.2 MiB'],
    [2 ** 31, '2.00 GiB'],
    [8 * 2 ** 30, '8.00 GiB'],
    [16 * 2 ** 30, '16.0 GiB'],
    [512 * 2 ** 30, '512 GiB'],
    [2 ** 30 - 1, '1.00 GiB'],
    [2 ** 41, '2.00 TiB'],
  ])('%d bytes are %s', (value, text) => expect(plain(ram(value))).toBe(text));
});

describe('what is written is decimal', () => {
  test.each([
    [512, '512 bytes'],
    [7_300_000, '7.3 MB'],
    [609_400_000, '609 MB'],
    [6_840_000_000, '6.84 GB'],
    [412_000_000_000, '412 GB'],
    [999_999_999, '1.00 GB'],
  ])('%d bytes are %s', (value, text) => expect(plain(size(value))).toBe(text));

  test.each([
    [0, '0 MB/s'],
    [900_000, '0.9 MB/s'],
    [412_300_000, '412 MB/s'],
    [1_690_000_000, '1 690 MB/s'],
  ])('%d bytes a second are %s', (value, text) => expect(plain(rate(value))).toBe(text));
});

describe('times', () => {
  test.each([
    [18.2, '18 ms'],
    [300, '0.3 s'],
    [16_900, '16.9 s'],
    [125_000, '2 min 5 s'],
    [3_840_000, '1 h 4 min'],
  ])('%d ms took %s', (value, text) => expect(plain(duration(value))).toBe(text));

  test.each([
    [0.2, '1 s'],
    [4.4, '4 s'],
    [59.6, '60 s'],
    [83, '1 min 25 s'],
    [120, '2 min'],
    [4000, '1 h 7 min'],
  ])('%d s to go are shown as %s', (value, text) => expect(plain(timeLeft(value))).toBe(text));

  const now = new Date(2026, 10, 23, 14, 0, 0);
  const before = (milliseconds: number): string => new Date(now.getTime() - milliseconds).toISOString();
  test.each([
    [before(4_000), '4 s ago'],
    [before(-9_000), '0 s ago'],
    [before(12 * 60_000), '12 min ago'],
    [before(2 * 3600_000), '2 h ago'],
    [new Date(2026, 10, 22, 18, 40).toISOString(), 'yesterday, 18:40'],
    [new Date(2026, 10, 21, 16, 2).toISOString(), '21 Nov'],
    [new Date(2025, 0, 3, 9, 0).toISOString(), '3 Jan 2025'],
  ])('%s reads as %s', (iso, text) => expect(plain(ago(iso, now))).toBe(text));

  test('a day of another year carries it', () => expect(plain(day('2024-05-02T12:00:00', now))).toBe('2 May 2024'));
});

test('a part of the whole is never 100 % before it is', () => {
  expect(plain(percent(0.42))).toBe('42 %');
  expect(plain(percent(0.999))).toBe('99 %');
  expect(plain(percent(1))).toBe('100 %');
});
