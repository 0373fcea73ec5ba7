import { describe, expect, test } from 'vitest';
import { blockOffset, byteCount, guestPhysical } from '@shared/bytes/units';
import type { BlockReport } from '@shared/contracts/inspect';
import type { InspectedFile } from '@shared/contracts/inspector-port';
import {
  EXPORT_KINDS,
  blockedBy,
  exportPlan,
  exportableBlocks,
  hintOf,
  type ExportChoice,
  type ExportSelection,
  type ExportSubject,
} from './export-plan';

const plain = (text: string): string => text.replaceAll('\u00a0', ' ');
const MIB = 2 ** 20;

const block = (name: string, usedLength: number, over: Partial<BlockReport> = {}): BlockReport => ({
  name,
  usedLength,
  pageSize: 4096,
  recordOffset: 0x60,
  headerOffset: 0x6f,
  bitmapOffset: 0x8b,
  bitmapLength: 32,
  pagesOffset: MIB,
  pagesTotal: usedLength / 4096,
  pagesPresent: 64,
  ...over,
});
const file = (over: Partial<InspectedFile> = {}): InspectedFile => ({
  name: 'memory.mapped',
  size: 3 * MIB,
  bytesOnDisk: null,
  report: {
    file: 'memory.mapped',
    size: 3 * MIB,
    container: { kind: 'qemu', streamOffset: 0 },
    machine: 'pc-q35-10.0',
    capabilities: ['mapped-ram'],
    ramBlocks: [block('pc.bios', 256 * 1024), block('pc.ram', MIB)],
    sections: [
      { type: 'configuration', id: null, name: null, instance: null, version: null, offset: 8 },
      { type: 'full', id: 3, name: 'timer', instance: 0, version: 2, offset: 0x200000 },
    ],
    vmDescription: null,
    complete: true,
    problems: [],
  },
  failure: null,
  ramMap: [{ block: 'pc.ram', blockOffset: blockOffset(0), guestPhysical: guestPhysical(0), length: byteCount(MIB) }],
  ramMapFrom: 'machine type',
  ...over,
});
const subject = (over: Partial<InspectedFile> = {}, selection: ExportSelection | null = null): ExportSubject => ({
  source: { path: '/vm/memory.mapped' },
  name: 'memory.mapped',
  file: file(over),
  selection,
});
const choice = (over: Partial<ExportChoice>): ExportChoice => ({
  kind: 'memory',
  block: 'pc.ram',
  part: '',
  form: 'markdown',
  ...over,
});
const memory: ExportSelection = { kind: 'memory', range: { block: 'pc.ram', start: 4096, end: 8192 } };

describe('what is made of a choice', () => {
  test.each<[Partial<ExportChoice>, ExportSelection | null, object, string]>([
    [{}, null, { to: 'raw', block: 'pc.ram', range: null }, '1 MiB long. 256 KiB on disk.'],
    [{ part: '0x1000 - 2 KiB' }, null, {}, 'The second offset is one past the last byte: it is the greater one.'],
    [{ part: '0x1000-0x200000' }, null, {}, 'pc.ram ends at 0x100000.'],
    [{ part: '4096' }, null, {}, 'Two offsets in the block: 0x100000-0x200000, or 1 MiB-2 MiB.'],
    [{ part: 'a-b-c' }, null, {}, 'Two offsets in the block: 0x100000-0x200000, or 1 MiB-2 MiB.'],
    [
      { part: '4 KiB-0x3000' },
      null,
      { to: 'raw', block: 'pc.ram', range: { start: 4096, end: 12_288 } },
      '8 KiB long. At most that on disk.',
    ],
    [{ kind: 'selection' }, memory, { to: 'raw', block: 'pc.ram', range: { start: 4096, end: 8192 } }, '4 KiB long.'],
    [
      { kind: 'selection' },
      { kind: 'bytes', start: 7, end: 18 },
      { to: 'bytes', block: null, range: { start: 7, end: 18 } },
      '11 bytes long.',
    ],
    [
      { kind: 'core' },
      null,
      { to: 'elf', block: null, range: null },
      '1 MiB long. At most 256 KiB on disk. Addresses are those that its machine type usually has.',
    ],
    [
      { kind: 'devices' },
      null,
      { to: 'devices', block: null, range: null },
      '1 device. Its size is known when it is written.',
    ],
    [{ kind: 'report' }, null, { to: 'report', block: null, range: null }, 'Some KiB.'],
    [{ kind: 'report', form: 'json' }, null, { to: 'report-json', block: null, range: null }, 'Some KiB.'],
  ])('%j of %j', (over, selection, options, says) => {
    const plan = exportPlan(subject({}, selection), choice(over));
    expect([plan.ok ? plan.options : {}, plain(plan.ok ? plan.contains : plan.part)]).toEqual([options, says]);
  });
});

test('the largest block comes first, and those without places are left out', () => {
  const given = subject();
  expect(exportableBlocks(given).map(({ name }) => name)).toEqual(['pc.ram', 'pc.bios']);
});

describe('what cannot be exported', () => {
  const blocked = (given: ExportSubject): readonly (string | null)[] =>
    EXPORT_KINDS.map((kind) => blockedBy(given, kind));

  test('of a whole file: a selection that is not there', () =>
    expect(blocked(subject())).toEqual([null, 'nothing is selected', null, null, null]));

  test('of a stream: its memory', () => {
    const report = file().report;
    const ramBlocks = [block('pc.ram', MIB, { pagesOffset: null })];
    const why = 'its pages have no fixed places';
    expect(blocked(subject({ report: report === null ? null : { ...report, ramBlocks } }, memory))).toEqual([
      why,
      null,
      why,
      null,
      null,
    ]);
  });

  test('of a file whose addresses nobody knows: a core file', () =>
    expect(blockedBy(subject({ ramMap: [], ramMapFrom: null }), 'core')).toMatch(/guest-physical addresses/));

  test('of a file that is no save file: anything but bytes of it', () => {
    const why = 'this file is no QEMU or libvirt save file';
    expect(blocked(subject({ report: null }, { kind: 'bytes', start: 0, end: 9 }))).toEqual([why, null, why, why, why]);
  });
});

test.each<[ExportSelection, string]>([
  [memory, '4 096 bytes of pc.ram from 0x1000, as the guest has them.'],
  [{ kind: 'bytes', start: 0, end: 1 }, '1 byte of the file from 0x0, as they are.'],
])('%j is told as “%s”', (selection, words) => expect(plain(hintOf(subject({}, selection), 'selection'))).toBe(words));
