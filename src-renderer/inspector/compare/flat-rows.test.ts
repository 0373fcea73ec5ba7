import { expect, it } from 'vitest';
import { deviceRows, layoutRows } from './flat-rows';

const plain = (text: string): string => text.replace(/\s/g, ' ');

it('devices and their fields are rows', () => {
  const rows = deviceRows([
    {
      name: 'cpu',
      instance: 1,
      state: 'changed',
      changedBytes: 9,
      fields: [{ field: 'env.eip', a: 1, b: null }],
      more: true,
    },
    { name: 'e1000', instance: 0, state: 'added', changedBytes: 1234, fields: [], more: false },
    { name: 'blob', instance: 0, state: 'changed', changedBytes: 1, fields: [], more: false },
  ]);
  expect(rows.map((row) => (row.kind === 'head' ? `${row.change} ${row.name}: ${plain(row.says)}` : row))).toEqual([
    'changed cpu 1: 9 bytes differ, 1 field and more',
    { kind: 'field', field: 'env.eip', a: '1', b: 'not there' },
    'added e1000 0: 1 234 bytes, only in B',
    'changed blob 0: 1 byte differ; no description tells of its fields',
  ]);
});

it('parts of the structure are rows; one that only moved is a single row', () => {
  const rows = layoutRows({
    parts: [
      { part: 'file', state: 'changed', fields: [{ field: 'size', a: '92404717 bytes', b: '1234 bytes' }] },
      { part: 'section full cpu 0', state: 'moved', fields: [{ field: 'section at', a: '0x10', b: '0x20' }] },
    ],
    more: false,
  });
  expect(rows).toMatchObject([
    { kind: 'head', name: 'file' },
    { kind: 'field', field: 'size' },
    { kind: 'head', change: 'moved', says: 'at', only: { a: '0x10', b: '0x20' } },
  ]);
  const [, size] = rows;
  expect(size?.kind === 'field' && plain(size.a)).toBe('92 404 717 bytes');
});
