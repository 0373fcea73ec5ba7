import { describe, expect, it } from 'vitest';
import { blockOffset, byteCount, guestPhysical } from '../bytes/units';
import type { UnitDiff } from '../contracts/diff';
import type { RamRange } from '../contracts/library';
import { AddressSummary, addressSlices } from './by-address';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const PAGE = 4096;
const range = (block: string, inBlock: number, address: number, length: number): RamRange => ({
  block,
  blockOffset: blockOffset(inBlock),
  guestPhysical: guestPhysical(address),
  length: byteCount(length),
});
const unit = (block: string, runs: readonly number[]): UnitDiff => ({
  block,
  runs,
  added: 0,
  removed: 0,
  changed: 0,
  bytes: 0,
});

describe('guest-physical ranges', () => {
  it('are cut at multiples of a power of two, about 64 of them, without a gap', () => {
    const map = [range('pc.ram', 2 * GIB, 4 * GIB, 6 * GIB), range('pc.ram', 0, 0, 2 * GIB)];
    const slices = addressSlices(map);
    expect(slices.length).toBe(64);
    expect(slices[0]).toEqual(range('pc.ram', 0, 0, 128 * MIB));
    expect(slices.reduce((sum, { length }) => sum + length, 0)).toBe(8 * GIB);
    for (const [index, slice] of slices.entries()) {
      expect(slice.guestPhysical % (128 * MIB)).toBe(0);
      expect(slice.blockOffset - slice.guestPhysical).toBe(index < 16 ? 0 : -2 * GIB);
    }
  });

  it('of a small guest are its own ranges, cut at each MiB', () => {
    const map = [range('ram', 0, 0x1000, 0x9f000), range('ram', 0xc0000, 0xc0000, MIB)];
    expect(addressSlices(map)).toEqual([
      map[0],
      range('ram', 0xc0000, 0xc0000, 0x40000),
      range('ram', 0x100000, 0x100000, 0xc0000),
    ]);
  });

  it('count pages by how they differ; a page seen at two addresses at both; one seen nowhere apart', () => {
    const map = [range('ram', 0, 0, MIB), range('rom', 0, 16 * MIB, 0x4000), range('rom', 0x2000, 17 * MIB, 0x2000)];
    const summary = new AddressSummary(map, [
      { name: 'ram', pageSize: PAGE },
      { name: 'rom', pageSize: PAGE },
      { name: 'vga', pageSize: PAGE },
    ]);
    // Across the end of what is mapped of ram; all of rom; vga, which is nowhere.
    summary.add(unit('ram', [250, 10, 2]));
    summary.add(unit('rom', [0, 1, 0, 1, 3, 1]));
    summary.add(unit('vga', [5, 7, 2]));
    expect(summary.ranges.map(({ added, removed, changed }) => [added, removed, changed])).toEqual([
      [0, 0, 6],
      [1, 3, 0],
      [0, 2, 0],
    ]);
    expect(summary.elsewhere).toEqual({ added: 0, removed: 0, changed: 4 + 7 });
  });
});
