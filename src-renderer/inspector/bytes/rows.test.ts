import { describe, expect, it } from 'vitest';
import type { PageRun, Segment } from '@shared/contracts/inspector-port';
import { ROW_WIDTHS, Rows, foldOfField, keyOf, lastAtMost, rowsFrom, step, type Row, type RowRules } from './rows';

const pages = (present: boolean, pagesOffset = 8192, pageSize = 4096): PageRun => ({
  block: 'pc.ram',
  pageSize,
  pagesOffset,
  present,
});

/** A small file: header and a bitmap that ends inside a row, a hole, then pages of every state, then a tail. */
const small: readonly Segment[] = [
  { offset: 0, length: 1003, kind: 'data', pages: null },
  { offset: 1003, length: 8192 - 1003, kind: 'hole', pages: null },
  { offset: 8192, length: 8192, kind: 'data', pages: pages(true) },
  { offset: 16384, length: 4096, kind: 'hole', pages: pages(false) },
  { offset: 20480, length: 4096, kind: 'data', pages: pages(false) },
  { offset: 24576, length: 4096, kind: 'hole', pages: pages(true) },
  { offset: 28672, length: 2048, kind: 'data', pages: pages(true) },
  { offset: 30720, length: 2048, kind: 'hole', pages: pages(true) },
  { offset: 32768, length: 77, kind: 'data', pages: null },
];
const size = 32768 + 77;
const bitmap = { from: 0x8b, to: 0x8b + 800, title: 'bitmap of pc.ram' };

const rules = (over: Partial<RowRules> = {}): RowRules => ({
  width: 16,
  fold: true,
  opened: new Set(),
  longFields: [bitmap],
  ...over,
});

const rowsUnder: readonly (readonly [string, RowRules])[] = [
  ['folded', rules()],
  ['unfolded', rules({ fold: false })],
  ['with the left-over bytes opened', rules({ opened: new Set([20480]) })],
  ['with one page opened', rules({ opened: new Set([8192 + 160]) })],
  ['without any known field', rules({ longFields: [] })],
  ...ROW_WIDTHS.flatMap((width) => [
    [`${width} wide`, rules({ width })] as const,
    [`${width} wide, unfolded`, rules({ width, fold: false })] as const,
  ]),
];

const all = (rows: Rows): Row[] => rowsFrom(rows, { from: 0, opening: false }, 1e6);

describe.each(rowsUnder)('the rows of a small file, %s', (_name, under) => {
  const rows = new Rows(small, under);

  it('hold every offset of the file exactly once', () => {
    const walked = all(rows);
    expect(walked.map(({ from }) => from)).toEqual([0, ...walked.slice(0, -1).map(({ to }) => to)]);
    expect(walked.at(-1)?.to).toBe(size);
  });

  it('answer for every offset with the one row that holds it', () => {
    const walked = all(rows).filter((row) => row.kind !== 'page');
    const wrong: number[] = [];
    for (let offset = 0; offset < size; offset += 1) {
      const row = rows.at(offset);
      const other = walked[lastAtMost(walked, offset, (item) => item.from)];
      const same = row?.from === other?.from && row?.to === other?.to && row?.kind === other?.kind;
      if (row === null || !same || offset < row.from || offset >= row.to) wrong.push(offset);
    }
    expect(wrong).toEqual([]);
    expect(rows.at(size)).toBeNull();
  });

  it('are the same walked backwards', () => {
    const forward = all(rows);
    const backward: Row[] = [];
    for (let row = rows.at(size - 1); row !== null; row = rows.before(row)) backward.unshift(row);
    expect(backward).toEqual(forward);
  });

  it('are found again by their key', () => {
    for (const row of all(rows)) expect(rows.find(keyOf(row))).toEqual(row);
  });

  it('never reach over a multiple of their width with bytes', () => {
    for (const row of all(rows)) {
      if (row.kind !== 'bytes') continue;
      expect(row.base % under.width).toBe(0);
      expect([row.base <= row.from, row.to <= row.base + under.width, row.width]).toEqual([true, true, under.width]);
    }
  });
});

describe('the row model', () => {
  it('shows a hole as one row, however long', () => {
    const long: Segment = { offset: 0, length: 2 ** 37, kind: 'hole', pages: null };
    const rows = new Rows([long, { offset: 2 ** 37, length: 20, kind: 'data', pages: null }], rules());
    expect(all(rows).map(({ kind, to }) => [kind, to])).toEqual([
      ['hole', 2 ** 37],
      ['bytes', 2 ** 37 + 16],
      ['bytes', 2 ** 37 + 20],
    ]);
  });

  it('walks at offsets near 2^53 without losing a byte', () => {
    const offset = 2 ** 53 - 4096;
    const rows = new Rows([{ offset, length: 4095, kind: 'data', pages: null }], rules({ longFields: [] }));
    const found = rowsFrom(rows, { from: offset, opening: false }, 1000);
    expect(found).toHaveLength(256);
    expect(found.at(-1)).toMatchObject({ from: 2 ** 53 - 16, to: 2 ** 53 - 1 });
  });

  it('opens each page with a row of its own, and folds the page after ten rows', () => {
    const kinds = all(new Rows(small, rules()))
      .filter(({ from }) => from >= 8192 && from < 16384)
      .map(({ kind }) => kind);
    const page = ['page', ...Array<string>(10).fill('bytes'), 'fold'];
    expect(kinds).toEqual([...page, ...page]);
  });

  it('shows left-over bytes of zero pages as one row until they are opened', () => {
    const at = (under: RowRules): string | undefined => new Rows(small, under).at(20480)?.kind;
    expect(at(rules())).toBe('stale');
    expect(at(rules({ fold: false }))).toBe('stale');
    expect(at(rules({ opened: new Set([20480]) }))).toBe('bytes');
  });

  it('keeps the first and the last row of a long field in view', () => {
    expect(foldOfField(bitmap, 16)).toEqual({ from: 0xb0, to: 0x3a0 });
    expect(foldOfField({ from: 0, to: 100, title: 'short' }, 16)).toBeNull();
  });

  it('stops a walk at the end of the segments at hand and says so', () => {
    const rows = new Rows(small.slice(2, 3), rules());
    const first = rows.find({ from: 8192, opening: true });
    if (first === null) throw new Error('the span has rows');
    expect(first.kind).toBe('page');
    expect(step(rows, first, -1)).toEqual({ row: first, stopped: true });
    expect(step(rows, first, 5)).toMatchObject({ row: { from: 8192 + 64 }, stopped: false });
    expect(step(rows, first, 500).stopped).toBe(true);
  });
});
