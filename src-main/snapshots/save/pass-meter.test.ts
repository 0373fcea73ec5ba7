import { describe, expect, test } from 'vitest';
import { PassMeter } from './pass-meter';

const MIB = 1024 * 1024;
const PAGE = 4096;

/** QEMU's totals: what was written, what remains, the pass. */
const ram = (written: number, remaining: number, pass: number, more: { zero?: number; dirty?: number } = {}) => ({
  transferred: written,
  remaining,
  total: 1024 * MIB,
  duplicate: more.zero ?? 0,
  normal: written / PAGE,
  'page-size': PAGE,
  'dirty-sync-count': pass,
  'dirty-pages-rate': more.dirty ?? 0,
});

describe('what a person sees of a save', () => {
  test('the rate is the mean of the last two seconds, not of the whole save', () => {
    const meter = new PassMeter();
    meter.push(0, ram(0, 1024 * MIB, 1), false);
    for (let at = 100; at <= 3000; at += 100) meter.push(at, ram(at * 1000, 500 * MIB, 1), false);
    let last;
    for (let at = 3100; at <= 6000; at += 100)
      last = meter.push(at, ram(3_000_000 + (at - 3000) * 4000, 400 * MIB, 1), false);
    expect(last?.bytesPerSecond).toBeCloseTo(4_000_000, 0);
  });

  test('the time left is what remains at the present pace, zero pages counted as pace', () => {
    const meter = new PassMeter();
    meter.push(0, ram(0, 1000 * MIB, 1), true);
    const half = meter.push(1000, ram(100 * MIB, 500 * MIB, 1, { zero: (400 * MIB) / PAGE }), true);
    expect(half.secondsLeft).toBeCloseTo(1, 3);
    expect(half.phaseFraction).toBeCloseTo(1 - 500 / 1024, 3);
  });

  test('the time left is unknown while the guest dirties as fast as it is written', () => {
    const meter = new PassMeter();
    meter.push(0, ram(0, 1000 * MIB, 2), false);
    const now = meter.push(1000, ram(100 * MIB, 900 * MIB, 2, { dirty: (100 * MIB) / PAGE }), false);
    expect(now.dirtyBytesPerSecond).toBe(100 * MIB);
    expect(now.secondsLeft).toBeNull();
  });

  test('a stopped guest dirties nothing, whatever QEMU measured in the pass before', () => {
    const meter = new PassMeter();
    meter.push(0, ram(0, 1000 * MIB, 2), true);
    expect(meter.push(1000, ram(100 * MIB, 900 * MIB, 2, { dirty: 1e6 }), true).secondsLeft).toBeCloseTo(9, 3);
  });

  test('passes add up to the totals, and what a pass leaves is what the next begins with', () => {
    const meter = new PassMeter();
    meter.push(0, ram(0, 1000 * MIB, 1), false);
    meter.push(500, ram(600 * MIB, 400 * MIB, 1), false);
    meter.push(900, ram(1000 * MIB, 200 * MIB, 2, { zero: 5 }), false);
    const { passes, pass } = meter.push(1200, ram(1150 * MIB, 50 * MIB, 2, { zero: 7 }), false);
    expect(pass).toBe(2);
    expect(passes).toEqual([
      {
        number: 1,
        pagesWritten: (1000 * MIB) / PAGE,
        bytesWritten: 1000 * MIB,
        zeroPages: 5,
        pagesDirtied: (200 * MIB) / PAGE,
        milliseconds: 900,
      },
      {
        number: 2,
        pagesWritten: (150 * MIB) / PAGE,
        bytesWritten: 150 * MIB,
        zeroPages: 2,
        pagesDirtied: null,
        milliseconds: 300,
      },
    ]);
  });

  test('a save that runs for hours keeps a bounded table of passes', () => {
    const meter = new PassMeter();
    let last;
    for (let pass = 1; pass <= 5000; pass += 1) last = meter.push(pass * 100, ram(pass * MIB, MIB, pass), false);
    expect(last?.passes.length).toBeLessThanOrEqual(1001);
    expect(last?.passes.at(-1)?.number).toBe(5000);
  });
});
