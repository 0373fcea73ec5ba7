/** What can be exported of the open file: what will be in it, how long it will be, and why something cannot. */
import { hex } from '@shared/bytes/units';
import type { ConversionOptions } from '@shared/contracts/conversions';
import type { BlockReport } from '@shared/contracts/inspect';
import type { InspectedFile } from '@shared/contracts/inspector-port';
import type { BlockRange } from '@shared/contracts/search';
import { physicalRanges } from '@shared/elf/ranges';
import { counted, ram } from '../../lib/format';
import { parseAddress } from '../places/places';

/** `memory`: as the guest has it, absent pages as zeros. `bytes`: of the file, as they are. `end` is one past the last. */
export type ExportSelection =
  | { readonly kind: 'memory'; readonly range: BlockRange }
  | { readonly kind: 'bytes'; readonly start: number; readonly end: number };

/** What the dialog is about. */
export interface ExportSubject {
  readonly source: ConversionOptions['source'];
  /** What the file or its snapshot is called. */
  readonly name: string;
  readonly file: InspectedFile;
  /** null: nothing is selected. */
  readonly selection: ExportSelection | null;
}

export const EXPORT_KINDS = ['memory', 'selection', 'core', 'devices', 'report'] as const;
export type ExportKind = (typeof EXPORT_KINDS)[number];

export const KIND_NAMES = {
  memory: 'Memory',
  selection: 'Selection',
  core: 'Core file',
  devices: 'Devices',
  report: 'Report',
} as const satisfies Record<ExportKind, string>;

/** What the person chose. */
export interface ExportChoice {
  readonly kind: ExportKind;
  /** Of `memory`: the block, and which part of it as it was typed; empty: all of it. */
  readonly block: string;
  readonly part: string;
  /** Of `report`. */
  readonly form: 'markdown' | 'json';
}

export type ExportPlan =
  | {
      readonly ok: true;
      readonly options: Pick<ConversionOptions, 'to' | 'block' | 'range'>;
      readonly contains: string;
    }
  /** `part`: what was typed for it is wrong. */
  | { readonly ok: false; readonly part: string };

/** Blocks whose pages have fixed places, the largest first. */
export const exportableBlocks = ({ file }: ExportSubject): readonly BlockReport[] =>
  (file.report?.ramBlocks ?? [])
    .filter(({ pagesOffset }) => pagesOffset !== null)
    .sort((a, b) => b.usedLength - a.usedLength);

/** Why something cannot be exported, as a sentence without its full stop; null: it can. */
export function blockedBy(subject: ExportSubject, kind: ExportKind): string | null {
  const { file, selection } = subject;
  if (kind === 'selection') return selection === null ? 'nothing is selected' : null;
  if (file.report === null) return 'this file is no QEMU or libvirt save file';
  if (kind === 'devices' || kind === 'report') return null;
  if (exportableBlocks(subject).length === 0) return 'its pages have no fixed places';
  if (kind === 'core' && file.ramMap.length === 0)
    return 'it is not known at which guest-physical addresses its RAM was';
  return null;
}

/** What each kind is, in a sentence. */
export function hintOf({ selection }: ExportSubject, kind: ExportKind): string {
  switch (kind) {
    case 'memory':
      return 'The bytes of a RAM block, or of a part of it. Pages that are not in the file are holes.';
    case 'selection':
      return selection === null ? '' : selectionWords(selection);
    case 'core':
      return 'All RAM by guest-physical address, and the CPUs’ registers, as gdb and drgn read it.';
    case 'devices':
      return 'Every device with its fields, and the CPUs’ registers, as JSON.';
    case 'report':
      return 'What is known of the file: blocks, sections, devices, findings, each with its place.';
  }
}

function selectionWords(selection: ExportSelection): string {
  if (selection.kind === 'bytes') {
    const { start, end } = selection;
    return `${counted(end - start, 'byte')} of the file from ${hex(start)}, as they are.`;
  }
  const { block, start, end } = selection.range;
  return `${counted(end - start, 'byte')} of ${block} from ${hex(start)}, as the guest has them.`;
}

/** What will be made of a choice, with its size as far as it is known. */
export function exportPlan(subject: ExportSubject, choice: ExportChoice): ExportPlan {
  const { file, selection } = subject;
  const plan = (options: Partial<ConversionOptions> & Pick<ConversionOptions, 'to'>, contains: string): ExportPlan => ({
    ok: true,
    options: { block: null, range: null, ...options },
    contains,
  });
  switch (choice.kind) {
    case 'memory':
      return memoryPlan(subject, choice);
    case 'selection':
      if (selection?.kind === 'memory') {
        const { block, start, end } = selection.range;
        return plan({ to: 'raw', block, range: { start, end } }, lengthWords(end - start));
      }
      return bytesPlan(selection?.start ?? 0, selection?.end ?? 0);
    case 'core':
      return plan({ to: 'elf' }, coreWords(file));
    case 'devices': {
      const devices = file.report?.sections.filter(({ type }) => type === 'full').length ?? 0;
      return plan({ to: 'devices' }, `${counted(devices, 'device')}. Its size is known when it is written.`);
    }
    case 'report':
      return plan({ to: choice.form === 'json' ? 'report-json' : 'report' }, 'Some KiB.');
  }
}

const bytesPlan = (start: number, end: number): ExportPlan => ({
  ok: true,
  options: { to: 'bytes', block: null, range: { start, end } },
  contains: lengthWords(end - start),
});

function memoryPlan(subject: ExportSubject, { block, part }: ExportChoice): ExportPlan {
  const found = exportableBlocks(subject).find(({ name }) => name === block);
  const length = found?.usedLength ?? 0;
  const options = { to: 'raw', block } as const;
  if (part.trim() === '') {
    const present = (found?.pagesPresent ?? 0) * (found?.pageSize ?? 0);
    return {
      ok: true,
      options: { ...options, range: null },
      contains: `${lengthWords(length)} ${ram(present)} on disk.`,
    };
  }
  const [from = '', to = '', ...more] = part.split('-');
  const [start, end] = [parseAddress(from), parseAddress(to)];
  if (start === null || end === null || more.length > 0)
    return { ok: false, part: 'Two offsets in the block: 0x100000-0x200000, or 1 MiB-2 MiB.' };
  if (start >= end) return { ok: false, part: 'The second offset is one past the last byte: it is the greater one.' };
  if (end > length) return { ok: false, part: `${block} ends at ${hex(length)}.` };
  return {
    ok: true,
    options: { ...options, range: { start, end } },
    contains: `${lengthWords(end - start)} At most that on disk.`,
  };
}

const lengthWords = (length: number): string => `${ram(length)} long.`;

function coreWords({ report, ramMap, ramMapFrom }: InspectedFile): string {
  const blocks = report?.ramBlocks ?? [];
  const ranges = physicalRanges(ramMap, (name) => blocks.find((block) => block.name === name)?.usedLength ?? null);
  const length = ranges.reduce((sum, range) => sum + range.length, 0);
  const names = new Set(ranges.map(({ block }) => block));
  const present = blocks
    .filter(({ name }) => names.has(name))
    .reduce((sum, { pagesPresent, pageSize }) => sum + (pagesPresent ?? 0) * (pageSize ?? 0), 0);
  const from =
    ramMapFrom === 'manifest'
      ? 'Addresses are the manifest’s.'
      : 'Addresses are those that its machine type usually has.';
  return `${lengthWords(length)} At most ${ram(present)} on disk. ${from}`;
}
