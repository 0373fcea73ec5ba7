import { describe, expect, it } from 'vitest';
import type { Segment } from '@shared/contracts/inspector-port';
import type { StructureNode } from '@shared/contracts/inspect';
import { cellsOf, saidBy, type ByteRow, type Cell, type Marks } from './cells';
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
/** All that is to be seen of a cell but its text, as words. */
const look = ({ kind, swatch, starts, selected, cursor, decides }: Cell): string =>
  [kind, swatch, starts && 'starts', selected && 'selected', cursor && 'cursor', decides && 'decides']
    .filter((word) => word !== null && word !== false)
    .join(' ');

describe('a row of cells', () => {
  it('has sixteen, those outside the row empty', () => {
    const cells = cellsOf(row(3, 6), Uint8Array.of(0x51, 0, 0xff), plain);
    expect(cells.map(({ hex }) => hex)).toEqual(['', '', '', '51', '00', 'ff', ...Array<string>(10).fill('')]);
    expect(cells.map(look).slice(2, 7)).toEqual(['absent', 'text', 'zero', 'ones', 'absent']);
    expect(cells.map(({ ascii }) => ascii).join('')).toBe('Q··');
    expect([saidBy(cells, 'hex'), saidBy(cells, 'ascii')]).toEqual(['51 00 ff', 'Q··']);
  });

  it('is blank while its bytes are on their way, never 00', () => {
    const cells = cellsOf(row(0, 16), null, plain);
    expect(cells.every(({ hex, ascii }) => hex === '' && ascii === '')).toBe(true);
    expect(new Set(cells.map(look))).toEqual(new Set(['blank']));
    expect([saidBy(cells, 'hex'), saidBy(cells, 'ascii')]).toEqual(['not read yet', 'not read yet']);
  });

  it('has the colour of the structure, with an edge where a field starts inside the row', () => {
    const leaves = [leaf(0, 4, 'container'), leaf(4, 4, 'header'), leaf(8, 2, 'pages')];
    const found = cellsOf(row(0, 16), new Uint8Array(16), { ...plain, leaves }).map(look);
    expect(found.slice(0, 6)).toEqual([
      'zero container',
      'zero container',
      'zero container',
      'zero container',
      'zero header starts',
      'zero header',
    ]);
    expect([found[8], found[12]]).toEqual(['zero', 'zero']);
  });

  it('has the cursor, the selection and the field that decides', () => {
    const marks = { ...plain, selection: { from: 2, to: 5 }, cursor: 4, decider: { from: 8, to: 10 } };
    const found = cellsOf(row(0, 16), new Uint8Array(16), marks).map(look);
    expect(found.slice(1, 6)).toEqual(['zero', 'zero selected', 'zero selected', 'zero selected cursor', 'zero']);
    expect(found.slice(7, 11)).toEqual(['zero', 'zero decides', 'zero decides', 'zero']);
  });

  it('shows a single byte as the cursor alone, not as a selection', () => {
    const cells = cellsOf(row(0, 16), new Uint8Array(16), { ...plain, selection: { from: 7, to: 8 }, cursor: 7 });
    expect(cells.map(look)[7]).toBe('zero cursor');
  });

  it('has the texts that it is given beside the bytes', () => {
    const cells = cellsOf(row(0, 2), Uint8Array.of(0xc3, 0xaf), plain, ['ï', '‐']);
    expect(saidBy(cells, 'ascii')).toBe('ï‐');
  });
});
