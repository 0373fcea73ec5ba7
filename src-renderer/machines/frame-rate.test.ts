import { expect, test } from 'vitest';
import { FrameRate } from './frame-rate';

const frame = (sequence: number, ms: number) => ({
  url: '',
  sequence,
  at: new Date(1_700_000_000_000 + ms).toISOString(),
});

test('the rate is unknown for a second, then follows the pictures that came', () => {
  const rate = new FrameRate();
  expect(rate.see(frame(1, 0))).toBeNull();
  expect(rate.see(frame(2, 500))).toBeNull();
  expect(rate.see(frame(3, 1000))).toBe(2);
  expect(rate.see(frame(3, 1000))).toBe(2);
});

test('only the last four seconds count', () => {
  const rate = new FrameRate();
  for (let second = 0; second <= 10; second += 1) rate.see(frame(second, second * 1000));
  expect(rate.see(frame(14, 11_000))).toBe((14 - 7) / 4);
});

test('a VM that was started anew counts anew', () => {
  const rate = new FrameRate();
  rate.see(frame(40, 0));
  rate.see(frame(50, 1000));
  expect(rate.see(frame(1, 2000))).toBeNull();
  expect(rate.see(null)).toBeNull();
});
