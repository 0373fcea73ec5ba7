import { describe, expect, it } from 'vitest';
import type { BlockReport, InspectReport } from '../contracts/inspect';
import { diffLayout } from './layout';

const block = (name: string, over: Partial<BlockReport> = {}): BlockReport => ({
  name,
  usedLength: 2 ** 20,
  pageSize: 4096,
  recordOffset: 100,
  headerOffset: 120,
  bitmapOffset: 150,
  bitmapLength: 32,
  pagesOffset: 2 ** 20,
  pagesTotal: 256,
  pagesPresent: 200,
  ...over,
});
const report = (over: Partial<InspectReport> = {}): InspectReport => ({
  file: 'f',
  size: 3 * 2 ** 20,
  container: { kind: 'qemu', streamOffset: 0 },
  machine: 'pc-q35-10.0',
  capabilities: ['mapped-ram'],
  ramBlocks: [block('pc.ram')],
  sections: [
    { type: 'start', id: 1, name: 'ram', instance: 0, version: 4, offset: 60 },
    { type: 'full', id: 2, name: 'cpu', instance: 0, version: 12, offset: 2 ** 21 },
    { type: 'eof', id: null, name: null, instance: null, version: null, offset: 2 ** 21 + 500 },
  ],
  vmDescription: null,
  complete: true,
  problems: [],
  ...over,
});

describe('the structure of two files', () => {
  it('that are alike has no differences', () => {
    expect(diffLayout(report(), report())).toEqual({ parts: [], more: false });
  });

  it('differs in blocks that one lacks, in values, and in places', () => {
    const b = report({
      machine: 'pc-q35-9.0',
      ramBlocks: [block('pc.ram', { pagesPresent: 201 }), block('vga')],
      sections: report().sections.map((section, index) => ({ ...section, offset: section.offset + index * 10 })),
    });
    expect(diffLayout(report(), b).parts).toMatchObject([
      { part: 'file', state: 'changed', fields: [{ field: 'machine type', a: 'pc-q35-10.0', b: 'pc-q35-9.0' }] },
      { part: 'block pc.ram', state: 'changed', fields: [{ field: 'present pages', a: '200', b: '201' }] },
      { part: 'section start ram 0', state: 'changed', fields: [{ field: 'length' }] },
      { part: 'section full cpu 0', state: 'changed', fields: [{ field: 'length' }, { field: 'section at' }] },
      { part: 'section eof', state: 'moved', fields: [{ field: 'section at', a: '0x2001f4', b: '0x200208' }] },
      { part: 'block vga', state: 'added' },
    ]);
    expect(diffLayout(b, report()).parts.find(({ part }) => part === 'block vga')?.state).toBe('removed');
  });

  it('tells apart sections that have the same name, and lists only so many', () => {
    const sections = Array.from({ length: 7000 }, (_, index) => ({
      type: 'part' as const,
      id: 1,
      name: 'ram',
      instance: 0,
      version: null,
      offset: 100 + index * 10,
    }));
    const { parts, more } = diffLayout(report({ sections }), report({ sections: [] }));
    expect([parts.length, more]).toEqual([5000, true]);
    expect(parts.slice(0, 2).map(({ part }) => part)).toEqual(['section part ram 0', 'section part ram 0 (2)']);
  });
});
