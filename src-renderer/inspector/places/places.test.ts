import { describe, expect, it } from 'vitest';
import { blockOffset, byteCount, guestPhysical } from '@shared/bytes/units';
import type { BlockReport } from '@shared/contracts/inspect';
import { parseAddress, parseGoal, recognised, type PlaceKind } from './places';

const block = (name: string, pagesOffset: number | null = 0x100000): BlockReport => ({
  name,
  usedLength: 0x10000000,
  pageSize: 4096,
  recordOffset: 0x63,
  headerOffset: 0x72,
  bitmapOffset: 0x8b,
  bitmapLength: 8192,
  pagesOffset,
  pagesTotal: 65_536,
  pagesPresent: 9,
});
const around = {
  size: 0x20000000,
  blocks: [block('pc.ram'), block('0000:00:02.0/e1000e.rom'), block('skipped', null)],
  block: 'pc.ram',
  ramMap: [
    {
      block: 'pc.ram',
      blockOffset: blockOffset(0x8000000),
      guestPhysical: guestPhysical(0x100000000),
      length: byteCount(0x8000000),
    },
    {
      block: 'skipped',
      blockOffset: blockOffset(0),
      guestPhysical: guestPhysical(0x200000000),
      length: byteCount(0x8000000),
    },
  ],
  cpu: 0,
  registers: new Set(['rip', 'rsp', 'cs.base']),
};
const goal = (kind: PlaceKind, text: string, over = {}) => parseGoal(kind, text, { ...around, ...over });

describe('an address', () => {
  it.each([
    ['0x100040', 0x100040],
    ['100040', 0x100040],
    [' 0000 0000 0010 0040 ', 0x100040],
    ['FFFF', 0xffff],
    ['1 MiB', 2 ** 20],
    ['1.5 gib', 1.5 * 2 ** 30],
    ['4k', 4096],
    ['1fffffffffffff', 2 ** 53 - 1],
    ['20000000000000', null],
    ['ffffffffffffffff', null],
    ['0x', null],
    ['-1', null],
    ['', null],
    ['zebra', null],
    ['0.3 KiB', null],
  ])('"%s" is read as %s', (text, value) => {
    expect(parseAddress(text)).toBe(value);
  });
});

describe('a typed place', () => {
  it.each([
    ['offset', '0x1fffffff', { kind: 'offset', offset: 0x1fffffff }, 0, 0x1fffffff],
    ['gpa', '100000040', { kind: 'gpa', gpa: 0x100000040 }, 0, 0x8100040],
    ['gpa', '107ffffff', { kind: 'gpa', gpa: 0x107ffffff }, 0, 0x100fffff],
    ['gpa', '108000000', { kind: 'gpa', gpa: 0x108000000 }, 0, null],
    ['gpa', '200000000', { kind: 'gpa', gpa: 0x200000000 }, 0, null],
    ['page', 'pc.ram : 8704', { kind: 'page', block: 'pc.ram', page: 8704 }, 0, 0x100000 + 8704 * 4096],
    ['page', 'pc.ram:8704+0x160', { kind: 'page', block: 'pc.ram', page: 8704 }, 0x160, 0x100160 + 8704 * 4096],
    ['page', '8 704', { kind: 'page', block: 'pc.ram', page: 8704 }, 0, 0x100000 + 8704 * 4096],
    ['page', '0x2200 + 1', { kind: 'page', block: 'pc.ram', page: 8704 }, 1, 0x100001 + 8704 * 4096],
    [
      'page',
      '0000:00:02.0/e1000e.rom : 3',
      { kind: 'page', block: '0000:00:02.0/e1000e.rom', page: 3 },
      0,
      0x100000 + 3 * 4096,
    ],
  ] as const)('%s "%s" leads somewhere', (kind, text, query, within, offset) => {
    expect(goal(kind, text)).toEqual({ ok: true, query, within, offset });
  });

  it('is asked for when it is behind the end of the file, or of its block', () => {
    const cut = { size: 0x200000 };
    expect(goal('page', '255', cut)).toMatchObject({ offset: 0x1ff000 });
    expect(goal('page', '256', cut)).toMatchObject({ ok: true, offset: null });
    expect(goal('gpa', '100000040', cut)).toMatchObject({ ok: true, offset: null });
    const other = { blocks: [{ ...block('pc.ram'), usedLength: 0x8000000 }] };
    expect(goal('gpa', '100000040', other)).toMatchObject({ ok: true, offset: null });
  });

  it.each([
    ['offset', '0x20000000', /ends at 0x20000000/],
    ['offset', 'pc.ram', /hexadecimal/],
    ['page', 'vga.vram : 1', /no block vga\.vram/],
    ['page', 'skipped : 1', /not in this file/],
    ['page', 'pc.ram : 65536', /the last is 65535/],
    ['page', 'pc.ram : x', /A page is a number/],
    ['page', 'pc.ram : 1 + 0x1000', /0x1000 bytes/],
  ] as const)('%s "%s" is refused with the reason', (kind, text, why) => {
    expect(goal(kind, text)).toEqual({ ok: false, why: expect.stringMatching(why) as string });
  });

  it('needs a block when the cursor is in none, and a RAM map for a guest-physical address', () => {
    expect(goal('page', '12', { block: null })).toMatchObject({
      ok: false,
      why: expect.stringMatching(/Name the block/) as string,
    });
    expect(goal('gpa', '0', { ramMap: [] })).toMatchObject({ ok: false });
  });
});

describe('a guest-virtual address', () => {
  it.each([
    ['0xffffffff81000000', { kind: 'gva', gva: '0xffffffff81000000', cpu: 0 }],
    [' ffff ffff 8100 0000 ', { kind: 'gva', gva: '0xffffffff81000000', cpu: 0 }],
    ['0', { kind: 'gva', gva: '0x0', cpu: 0 }],
    ['7f00 @ 2', { kind: 'gva', gva: '0x7f00', cpu: 2 }],
    ['rip', { kind: 'register', register: 'rip', cpu: 0 }],
    ['RSP @1', { kind: 'register', register: 'rsp', cpu: 1 }],
    ['gdt.base', { kind: 'register', register: 'gdt.base', cpu: 0 }],
    ['sp_el1', { kind: 'register', register: 'sp_el1', cpu: 0 }],
  ])('%j is %j', (text, query) => {
    expect(goal('gva', text)).toEqual({ ok: true, query, within: 0, offset: null });
    // It needs no RAM map of the manifest: the machine type may do.
    expect(goal('gva', text, { ramMap: [] })).toMatchObject({ ok: true });
  });

  it.each(['', '0x', '10000000000000000', 'rip @', 'rip @ x', '-1', 'a b.c.d', '../x'])('%j is none', (text) => {
    expect(goal('gva', text)).toMatchObject({ ok: false });
  });
});

describe('what is typed into any field', () => {
  it.each([
    ['offset', '0x100040', 'offset', '0x100040'],
    ['gpa', '0x100040', 'gpa', '0x100040'],
    ['gva', '0x100040', 'gva', '0x100040'],
    ['offset', 'rip', 'gva', 'rip'],
    ['gpa', 'RIP @ 1', 'gva', 'RIP @ 1'],
    ['page', 'cs.base', 'gva', 'cs.base'],
    ['offset', 'cpu1.rip', 'gva', 'rip @ 1'],
    ['page', 'cpu 1: 0x7f00', 'gva', '0x7f00 @ 1'],
    ['offset', 'pc.ram:8704', 'page', 'pc.ram:8704'],
    ['gva', '0000:00:02.0/e1000e.rom : 3', 'page', '0000:00:02.0/e1000e.rom : 3'],
    ['offset', 'gpa 0x40', 'gpa', '0x40'],
    ['offset', 'gva: 40', 'gva', '40'],
    ['gva', 'offset = 1 MiB', 'offset', '1 MiB'],
    ['offset', 'ffff 8880 0000 0040', 'gva', 'ffff 8880 0000 0040'],
    ['gpa', '0x800000000000', 'gva', '0x800000000000'],
    ['gpa', '0x7fffffffffff', 'gpa', '0x7fffffffffff'],
    // No register, but hexadecimal; and a block without its page.
    ['offset', 'dead', 'offset', 'dead'],
    ['page', 'pc.ram', 'page', 'pc.ram'],
  ] as const)('in %s, %j is of kind %s', (field, text, kind, place) => {
    expect(recognised(field, text, around)).toEqual({ kind, text: place });
  });

  it('is of the CPU that is chosen, unless another is named', () => {
    expect(goal('offset', 'rsp', { cpu: 3 })).toMatchObject({ query: { kind: 'register', register: 'rsp', cpu: 3 } });
    expect(goal('offset', 'cpu1.rsp', { cpu: 3 })).toMatchObject({ query: { register: 'rsp', cpu: 1 } });
    expect(goal('gva', '7f00', { cpu: 3 })).toMatchObject({ query: { gva: '0x7f00', cpu: 3 } });
  });
});
