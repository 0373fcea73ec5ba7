import { describe, expect, it } from 'vitest';
import type { Segment } from '@shared/contracts/inspector-port';
import type { StructureNode } from '@shared/contracts/inspect';
import { cellsOf, type ByteRow, type Marks } from './cells';
import type { Leaf } from '../tree/structure';

const segment: Segment = { offset: 0, length: 100, kind: 'data', pages: null };
const row = (from: number, to: number): ByteRow => ({ kind: 'bytes', from, to, segment, base: 0, width: 16 });
const leaf = (offset: number, length: number, kind: StructureNode['kind']): Leaf => {
  const node = {
    id: '',
    kind,
    label: '',
    value: null,
    offset,
    length,
    meaning: '',
    source: null,
    pointsTo: null,
    children: [],
  };
  return { node, kind, parents: [] };
};
const plain: Marks = { leaves: [], selection: { from: 90, to: 91 }, cursor: 90, decider: null };
const classes = (cells: ReturnType<typeof cellsOf>): readonly string[] => cells.map(({ hexClass }) => hexClass);

describe('a row of cells', () => {
  it('has sixteen, those outside the row empty', () => {
    const cells = cellsOf(row(3, 6), Uint8Array.of(0x51, 0, 0xff), plain);
    expect(cells.map(({ hex }) => hex)).toEqual(['', '', '', '51', '00', 'ff', ...Array<string>(10).fill('')]);
    expect(classes(cells).slice(2, 7)).toEqual(['absent', 'text', 'zero', 'ones', 'absent']);
    expect(cells.map(({ ascii }) => ascii).join('')).toBe('Q··');
  });

  it('is blank while its bytes are on their way, never 00', () => {
    const cells = cellsOf(row(0, 16), null, plain);
    expect(cells.every(({ hex, ascii }) => hex === '' && ascii === '')).toBe(true);
    expect(new Set(classes(cells))).toEqual(new Set(['blank']));
  });

  it('is tinted by structure, with an edge where a field starts inside the row', () => {
    const leaves = [leaf(0, 4, 'container'), leaf(4, 4, 'header'), leaf(8, 2, 'pages')];
    const found = classes(cellsOf(row(0, 16), new Uint8Array(16), { ...plain, leaves }));
    expect(found[0]).toBe('zero tinted k-container');
    expect(found[3]).toBe('zero tinted k-container');
    expect(found[4]).toBe('zero tinted k-header starts');
    expect(found[5]).toBe('zero tinted k-header');
    expect(found[8]).toBe('zero');
    expect(found[12]).toBe('zero');
  });

  it('marks cursor, selection and the field that decides, in both panes', () => {
    const marks = { ...plain, selection: { from: 2, to: 5 }, cursor: 4, decider: { from: 8, to: 10 } };
    const cells = cellsOf(row(0, 16), new Uint8Array(16), marks);
    expect(classes(cells).slice(1, 6)).toEqual([
      'zero',
      'zero selected',
      'zero selected',
      'zero selected cursor',
      'zero',
    ]);
    expect(classes(cells).slice(7, 11)).toEqual(['zero', 'zero decides', 'zero decides', 'zero']);
    expect(cells[4]?.asciiClass).toBe('zero selected cursor');
  });

  it('shows a single byte as the cursor alone, not as a selection', () => {
    const cells = cellsOf(row(0, 16), new Uint8Array(16), { ...plain, selection: { from: 7, to: 8 }, cursor: 7 });
    expect(cells[7]?.hexClass).toBe('zero cursor');
  });
});
