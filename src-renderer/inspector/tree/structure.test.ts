import { describe, expect, it } from 'vitest';
import type { StructureKind, StructureNode } from '@shared/contracts/inspect';
import { bandsOf, offsetAt, placeOf, roundOffsets } from '../places/file-map';
import { sentenceFor } from '../bytes/sentences';
import { decidedBy, leafAt, leavesIn, structureOf } from './structure';
import { filteredRows, openAtFirst, treeRows, treeStep, type TreeRow } from './tree-rows';

let ids = 0;
function node(
  label: string,
  kind: StructureKind,
  offset: number,
  length: number,
  children: readonly StructureNode[] = [],
  pointsTo: StructureNode['pointsTo'] = null,
): StructureNode {
  ids += 1;
  return {
    id: `${label} ${ids}`,
    kind,
    label,
    value: null,
    offset,
    length,
    meaning: '',
    source: null,
    pointsTo,
    children,
  };
}

const size = 0x300000 + 500;
function small(): readonly StructureNode[] {
  const pages = { offset: 0x100000, length: 0x200000 };
  const header = node('mapped-ram header', 'header', 30, 28, [
    node('version', 'header', 30, 4),
    node('page size', 'header', 34, 8),
    node('bitmap offset', 'header', 42, 8, [], { offset: 58, length: 300 }),
    node('pages offset', 'header', 50, 8, [], pages),
  ]);
  const block = node('pc.ram', 'block', 15, 43, [
    node('name', 'block', 15, 7),
    node('used length', 'block', 22, 8),
    header,
    node('bitmap', 'bitmap', 58, 300),
    node('padding', 'padding', 358, 0x100000 - 358),
    node('pages', 'pages', pages.offset, pages.length),
  ]);
  return [
    node('QEMU stream', 'container', 0, 8, [node('magic', 'container', 0, 4), node('version', 'container', 4, 4)]),
    node('SECTION_START ram', 'section', 8, 50, [node('total', 'section', 8, 7), block]),
    node('Devices', 'device', 0x300000, 300, [node('timer', 'device', 0x300000, 300)]),
  ];
}

describe('the structure of a small file', () => {
  const roots = small();
  const structure = structureOf(roots);

  it('has the right leaf at every offset, and none behind the last', () => {
    const leaves = structure.leaves.map((leaf) => leaf.node);
    const step = (offset: number): number => (offset < 0x1000 || offset > 0x2ff000 ? 1 : 4096);
    const wrong: number[] = [];
    for (let offset = 0; offset < size; offset += step(offset)) {
      const slow = leaves.find((leaf) => offset >= leaf.offset && offset < leaf.offset + leaf.length);
      if (leafAt(structure, offset)?.node !== slow) wrong.push(offset);
    }
    expect(wrong).toEqual([]);
  });

  it('has the leaves of a row in file order', () => {
    expect(leavesIn(structure, 48, 64).map((leaf) => leaf.node.label)).toEqual([
      'bitmap offset',
      'pages offset',
      'bitmap',
    ]);
    expect(leavesIn(structure, size - 1, size)).toEqual([]);
  });

  it('names the field that decides where a page is, and where the bitmap is', () => {
    expect(decidedBy(structure, 0x100000)?.node.label).toBe('pages offset');
    expect(decidedBy(structure, 0x2fffff)?.node.label).toBe('pages offset');
    expect(decidedBy(structure, 58)?.node.label).toBe('bitmap offset');
    expect(decidedBy(structure, 57)).toBeNull();
  });

  it('folds its long fields, but never pages', () => {
    expect(structure.longFields.map(({ title }) => title)).toEqual([
      'bitmap of pc.ram',
      'padding of pc.ram',
      'Devices, timer',
    ]);
  });

  it.each(['linear', 'log'] as const)('fills the %s file map, and every place on it leads back', (scale) => {
    const bands = bandsOf(structure, size, scale);
    let end = 0;
    for (const band of bands) {
      expect(band.from).toBe(end);
      end = band.to;
    }
    expect(end).toBe(size);
    expect(bands.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
    for (const offset of [0, 1, 57, 58, 400, 0x100000, 0x2fffff, size - 1]) {
      const back = offsetAt(bands, placeOf(bands, offset));
      const band = bands.find(({ from, to }) => offset >= from && offset < to);
      expect(Math.abs(back - offset)).toBeLessThanOrEqual(1);
      expect(band).toBeDefined();
    }
    expect(offsetAt(bands, 1)).toBe(size - 1);
  });

  it.each([
    [2 ** 31 + 5, [2 ** 29, 2 ** 30, 3 * 2 ** 29, 2 ** 31]],
    [500, [128, 256, 384]],
    [1, []],
    [2 ** 53 - 1, [2 ** 51, 2 ** 52, 3 * 2 ** 51]],
  ])('has round offsets below a strip of %d bytes', (length, offsets) => {
    expect(roundOffsets(length, 4)).toEqual(offsets);
  });

  it('says of a hole what should be there', () => {
    const hole = (from: number, to: number) =>
      sentenceFor(
        { kind: 'hole', from, to, segment: { offset: from, length: to - from, kind: 'hole', pages: null } },
        structure,
        16,
      );
    expect(hole(4096, 0x100000).rest).toBe('Padding before the pages. No bytes on disk.');
    expect(hole(0, 4096).rest).toBe('Magic lies here and reads as zeros. No bytes on disk.');
  });

  it.each([
    [true, 1, 'No bytes on disk, 4 KiB.', 'pc.ram page 2 is marked present: a load gives zeros.'],
    [false, 1, 'Hole, 4 KiB.', 'pc.ram page 2 is zero. No bytes on disk.'],
    [false, 30, 'Hole, 120 KiB.', 'pc.ram pages 2 to 31 are zero. No bytes on disk.'],
  ])('says of a hole under pages (present: %s, %d pages) what a load does', (present, pages, strong, rest) => {
    const from = 0x102000;
    const length = pages * 4096;
    const run = { block: 'pc.ram', pageSize: 4096, pagesOffset: 0x100000, present };
    const row = {
      kind: 'hole',
      from,
      to: from + length,
      segment: { offset: from, length, kind: 'hole', pages: run },
    } as const;
    const sentence = sentenceFor(row, structure, 16);
    expect(sentence.strong.replaceAll(/\s/g, ' ')).toBe(strong);
    expect(sentence.rest).toBe(rest);
  });
});

describe('the tree', () => {
  const roots = small();
  const open = new Set(openAtFirst(roots));
  const labels = (rows: readonly TreeRow[]): string[] => rows.map(({ node: { label }, level }) => `${level} ${label}`);
  const idOf = (rows: readonly TreeRow[], label: string): string =>
    rows.find((row) => row.node.label === label)?.node.id ?? '';

  it('opens the first block as far as its fields', () => {
    expect(labels(treeRows(roots, open, null))).toEqual([
      '1 QEMU stream',
      '1 SECTION_START ram',
      '2 total',
      '2 pc.ram',
      '3 name',
      '3 used length',
      '3 mapped-ram header',
      '4 version',
      '4 page size',
      '4 bitmap offset',
      '4 pages offset',
      '3 bitmap',
      '3 padding',
      '3 pages',
      '1 Devices',
    ]);
  });

  it('shows the page at the cursor below its pages', () => {
    const pages = structureOf(roots).leaves.find((leaf) => leaf.node.kind === 'pages')?.node;
    const page = node('page 7', 'pages', 0x107000, 4096);
    const rows = treeRows(roots, open, { parent: pages?.id ?? '', node: page });
    expect(labels(rows).slice(-3)).toEqual(['3 pages', '4 page 7', '1 Devices']);
  });

  it('filters by label, with everything above a hit', () => {
    expect(labels(filteredRows(roots, ' OFFSET '))).toEqual([
      '1 SECTION_START ram',
      '2 pc.ram',
      '3 mapped-ram header',
      '4 bitmap offset',
      '4 pages offset',
    ]);
    expect(filteredRows(roots, 'no such thing')).toEqual([]);
  });

  it('moves by keys as an ARIA tree does', () => {
    const rows = treeRows(roots, open, null);
    const id = (label: string): string => idOf(rows, label);
    const step = (from: string, key: string) => treeStep(rows, id(from), key, 5);
    expect(step('QEMU stream', 'ArrowDown')).toEqual({ kind: 'focus', id: id('SECTION_START ram') });
    expect(step('QEMU stream', 'ArrowUp')).toEqual({ kind: 'focus', id: id('QEMU stream') });
    expect(step('QEMU stream', 'ArrowRight')).toEqual({ kind: 'open', id: id('QEMU stream') });
    expect(step('pc.ram', 'ArrowRight')).toEqual({ kind: 'focus', id: id('name') });
    expect(step('pc.ram', 'ArrowLeft')).toEqual({ kind: 'close', id: id('pc.ram') });
    expect(step('pages offset', 'ArrowLeft')).toEqual({ kind: 'focus', id: id('mapped-ram header') });
    expect(step('pages offset', 'ArrowRight')).toEqual({ kind: 'none' });
    expect(step('pages offset', 'Enter')).toEqual({ kind: 'activate', id: id('pages offset') });
    expect(step('pages offset', 'Home')).toEqual({ kind: 'focus', id: id('QEMU stream') });
    expect(step('pages offset', 'End')).toEqual({ kind: 'focus', id: id('Devices') });
    expect(step('total', 'PageDown')).toEqual({ kind: 'focus', id: id('version') });
    expect(step('bitmap', 'PageDown')).toEqual({ kind: 'focus', id: id('Devices') });
    expect(step('total', 'x')).toEqual({ kind: 'none' });
    expect(treeStep([], null, 'ArrowDown', 5)).toEqual({ kind: 'none' });
  });
});
