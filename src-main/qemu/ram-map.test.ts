import { describe, expect, test } from 'vitest';
import { blockOffset, byteCount, guestPhysical } from '@shared/bytes/units';
import { completeBlocks, joinNeighbours, parseFlatView, parseHostAddress, parseRamBlocks } from './ram-map';

describe('The text of `info mtree -f`', () => {
  const text = [
    'FlatView #0',
    ' AS "I/O", root: io',
    ' Root memory region: io',
    '  0000000000000000-0000000000000007 (prio 0, i/o): dma-chan',
    '',
    'FlatView #1',
    ' AS "cpu-smm-0", root: memory',
    ' Root memory region: memory',
    '  0000000000000000-00000000000bffff (prio 0, ram): smram',
    '',
    'FlatView #2',
    ' AS "memory", root: system',
    ' AS "cpu-memory-0", root: system',
    ' Root memory region: system',
    '  0000000000000000-000000000009ffff (prio 0, ram): pc.ram KVM',
    '  00000000000a0000-00000000000bffff (prio 1, i/o): vga-lowmem',
    '  00000000000c0000-00000000000cafff (prio 0, rom): pc.ram @00000000000c0000',
    '  00000000fb000000-00000000fbffffff (prio -1, ram): vga.vram',
    '  00000000ffc00000-00000000ffffffff (prio 0, romd): system.flash0',
    '  0000000100000000-000000017fffffff (prio 0, ram): pc.ram @00000000c0000000 KVM',
    '',
  ].join('\r\n');

  test('yields RAM and ROM of the address space `memory` alone', () => {
    expect(parseFlatView(text)).toEqual([
      { start: 0n, length: 0xa0000n, region: 'pc.ram', regionOffset: 0n },
      { start: 0xc0000n, length: 0xb000n, region: 'pc.ram', regionOffset: 0xc0000n },
      { start: 0xfb000000n, length: 0x1000000n, region: 'vga.vram', regionOffset: 0n },
      { start: 0xffc00000n, length: 0x400000n, region: 'system.flash0', regionOffset: 0n },
      { start: 0x100000000n, length: 0x80000000n, region: 'pc.ram', regionOffset: 0xc0000000n },
    ]);
  });

  test.each(['', 'FlatView #0\n AS "memory", root: system\n  No rendered FlatView\n', 'x'.repeat(1_000_000)])(
    'yields nothing where there is nothing (%#)',
    (other) => {
      expect(parseFlatView(other)).toEqual([]);
    },
  );
});

describe('The text of `info ramblock`', () => {
  test('yields names with slashes, spaces and any width, and 2 MiB pages', () => {
    const text = [
      '              Block Name    PSize              Offset               Used              Total                HVA  RO',
      '                  pc.ram    2 MiB  0x0000000000000000 0x0000000004000000 0x0000000004000000 0x00007fc9ebe00000  rw',
      '    /rom@etc/acpi/tables    4 KiB  0x0000000005100000 0x0000000000020000 0x0000000000200000 0x00007fc9f5800000  ro',
      '0000:00:04.0/bochs-display-vram    4 KiB  0x0000000182100000 0x0000000001000000 0x0000000001000000 0x00007fab11c00000  rw',
      '               my ram 2    4 KiB  0x0000000000000000 0x0000000000001000 0x0000000000001000 0x00007fc9ebe00000  rw',
    ].join('\r\n');
    expect(parseRamBlocks(text)).toEqual([
      { name: 'pc.ram', ramAddress: 0x0n, usedLength: 0x4000000n, host: 0x7fc9ebe00000n },
      { name: '/rom@etc/acpi/tables', ramAddress: 0x5100000n, usedLength: 0x20000n, host: 0x7fc9f5800000n },
      {
        name: '0000:00:04.0/bochs-display-vram',
        ramAddress: 0x182100000n,
        usedLength: 0x1000000n,
        host: 0x7fab11c00000n,
      },
      { name: 'my ram 2', ramAddress: 0x0n, usedLength: 0x1000n, host: 0x7fc9ebe00000n },
    ]);
  });

  test('of a QEMU before 8.0 tells no host address', () => {
    const text = [
      '              Block Name    PSize              Offset               Used              Total',
      '   0000:00:02.0/vga.vram    4 KiB  0x0000000010080000 0x0000000001000000 0x0000000001000000',
    ].join('\r\n');
    expect(parseRamBlocks(text)).toEqual([
      { name: '0000:00:02.0/vga.vram', ramAddress: 0x10080000n, usedLength: 0x1000000n, host: null },
    ]);
  });
});

describe('A RAMBlock whose address QEMU does not tell', () => {
  const block = (name: string) => ({ name, ramAddress: 0n, usedLength: 0x1000n, host: null });
  const range = (region: string, host: bigint | null, regionOffset = 0n) => ({
    start: 0n,
    length: 0x1000n,
    region,
    regionOffset,
    host,
  });
  const hosts = (...given: Parameters<typeof completeBlocks>) => completeBlocks(...given).map(({ host }) => host);

  test('is at the region of its name, wherever the guest sees a part of it', () => {
    expect(hosts([block('pc.ram')], [range('pc.ram', 0x5000n, 0x1000n), range('pc.ram', 0x9000n, 0x5000n)])).toEqual([
      0x4000n,
    ]);
    expect(hosts([block('0000:00:02.0/vga.vram')], [range('vga.vram', 0x7000n)])).toEqual([0x7000n]);
  });

  test.each([
    ['no region has its name', [block('a')], [range('b', 0n)]],
    ['the guest sees none of it now', [block('a')], [range('a', null)]],
    ['two regions have its name', [block('x/a')], [range('a', 0x1000n), range('a', 0x9000n)]],
    ['two blocks have the name', [block('x/a'), block('y/a')], [range('a', 0x1000n)]],
  ])('stays unknown when %s', (_, blocks, ranges) => {
    expect(hosts(blocks, ranges)).toEqual(blocks.map(() => null));
  });
});

describe('The text of `gpa2hva`', () => {
  test.each([
    ['Host virtual address for 0xc0000 (pc.rom) is 0x7fc9f7200000\r\n', 0x7fc9f7200000n],
    ['Host virtual address for 0x0 (odd) is 0x1) is 0x7f0000\n', 0x7f0000n],
    [' Memory at address 0xfee00000 is not RAM\r\n', null],
    ['No memory is mapped at address 0xf\r\n', null],
    ['', null],
  ])('%j', (text, address) => {
    expect(parseHostAddress(text)).toBe(address);
  });
});

describe('Neighbouring ranges', () => {
  const range = (block: string, offset: number, start: number, length: number) => ({
    block,
    blockOffset: blockOffset(offset),
    guestPhysical: guestPhysical(start),
    length: byteCount(length),
  });

  test('become one only when both the addresses and the block go on', () => {
    expect(
      joinNeighbours([
        range('a', 0, 0, 10),
        range('a', 10, 10, 5),
        range('a', 20, 15, 5),
        range('b', 25, 20, 5),
        range('b', 30, 26, 5),
      ]),
    ).toEqual([range('a', 0, 0, 15), range('a', 20, 15, 5), range('b', 25, 20, 5), range('b', 30, 26, 5)]);
  });
});
