import { describe, expect, it } from 'vitest';
import { HEAD_SLACK, placeBlocks, planBlocks, planEnd, PAGES_ALIGNMENT } from './plan';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const block = (name: string, usedLength: number, pageSize = 4096) => ({ name, usedLength, pageSize });

const VM = [
  block('pc.ram', 2 * GIB),
  block('0000:00:01.0/vga.vram', 16 * MIB),
  block('/rom@etc/acpi/tables', 128 * 1024),
  block('pc.bios', 256 * 1024),
  block('/rom@etc/table-loader', 4096),
];

describe('a plan', () => {
  it('is good for every head that is not longer than it was made for', () => {
    const plan = planBlocks(VM);
    for (let head = 8; head <= HEAD_SLACK; head += 4099) {
      const placed = placeBlocks(plan, head);
      expect(placed.map(({ name, pagesOffset }) => [name, pagesOffset])).toEqual(
        plan.map(({ name, pagesOffset }) => [name, pagesOffset]),
      );
      expect(placed[0]?.recordOffset).toBe(head);
    }
    expect(() => placeBlocks(plan, HEAD_SLACK)).not.toThrow();
  });

  it.each([4096, 16384, 65536, 1024])(
    'with pages of %i bytes: record, header, bitmap and pages never meet',
    (pageSize) => {
      const sizes = [65536, 3 * 65536, MIB, 63 * 65536, 64 * 65536, 65 * 65536, 5 * GIB + 65536];
      const plan = planBlocks(sizes.map((size, index) => block(`block ${index}`, size, pageSize)));
      let end = HEAD_SLACK;
      for (const placed of placeBlocks(plan, HEAD_SLACK)) {
        expect(placed.recordOffset).toBe(end);
        expect(placed.headerOffset).toBe(placed.recordOffset + 1 + placed.name.length + 8);
        expect(placed.bitmap.offset).toBe(placed.headerOffset + 28);
        expect(placed.bitmap.length).toBe(Math.ceil(placed.usedLength / pageSize / 64) * 8);
        expect(placed.bitmap.offset + placed.bitmap.length).toBeLessThanOrEqual(placed.pagesOffset);
        expect(placed.pagesOffset % PAGES_ALIGNMENT).toBe(0);
        end = placed.pagesOffset + placed.usedLength;
      }
      expect(planEnd(plan)).toBe(end);
    },
  );

  it('costs at most a bitmap and 1 MiB a block, and its head', () => {
    const plan = planBlocks(VM);
    const most = VM.reduce((sum, { usedLength }) => sum + usedLength + usedLength / 32768 + MIB, HEAD_SLACK);
    expect(planEnd(plan)).toBeLessThanOrEqual(most);
  });

  it('is that of QEMU for a short head: 2 GiB of RAM at 1 MiB, the next record right behind', () => {
    const plan = planBlocks(VM, 139 - 28 - 8 - 1 - 6);
    expect(plan[0]?.pagesOffset).toBe(0x100000);
    const placed = placeBlocks(plan, 139 - 28 - 8 - 1 - 6);
    expect(placed[0]?.bitmap.offset).toBe(139);
    expect(placed[1]?.recordOffset).toBe(0x80100000);
  });

  it('refuses a head that is longer than it was made for, and no sooner than its bitmap would meet the pages', () => {
    const plan = planBlocks([block('ram', MIB)], 1000);
    const most = PAGES_ALIGNMENT - (1 + 3 + 8 + 28 + 32);
    expect(() => placeBlocks(plan, most)).not.toThrow();
    expect(() => placeBlocks(plan, most + 1)).toThrow(/bitmap of ram would end/);
  });

  it('refuses half a page, and a file that ends past 2^53', () => {
    expect(() => planBlocks([block('ram', 4096 + 512)])).toThrow(RangeError);
    expect(() => planBlocks([block('ram', 2 ** 53 - 4096)])).toThrow(RangeError);
  });

  it('of no blocks ends where its head does', () => {
    expect(planEnd(planBlocks([]), 77)).toBe(77);
  });
});
