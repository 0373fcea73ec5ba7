/** In what the structure of two files differs: which parts each has, how long they are, and where they lie. */
import { hex } from '../bytes/units';
import type { BlockReport, InspectReport, SectionReport } from '../contracts/inspect';

/** Most parts that are listed. */
const MOST_PARTS = 5000;

/** One value of a part, as a person reads it; null: that file has none. */
export interface LayoutField {
  readonly field: string;
  readonly a: string | null;
  readonly b: string | null;
}

/** A part of the structure that differs. `moved`: it is the same but for where it lies. */
export interface LayoutPart {
  /** `file`, `block pc.ram`, `section full cpu 0` */
  readonly part: string;
  readonly state: 'added' | 'removed' | 'changed' | 'moved';
  /** What differs; of an added or removed part, everything. */
  readonly fields: readonly LayoutField[];
}

export interface LayoutDiff {
  /** In the order of the first file, then what only the second has. */
  readonly parts: readonly LayoutPart[];
  /** Whether more parts differ than are listed. */
  readonly more: boolean;
}

/** Values by name. Those that only say where something lies end in ` at`. */
type Values = ReadonlyMap<string, string | null>;

/** Compares two files by what is known of their structure; their pages and devices are not read. */
export function diffLayout(a: InspectReport, b: InspectReport): LayoutDiff {
  const [inA, inB] = [partsOf(a), partsOf(b)];
  const names = [...inA.keys(), ...[...inB.keys()].filter((name) => !inA.has(name))];
  const parts = names.flatMap((name) => compared(name, inA.get(name), inB.get(name)));
  return { parts: parts.slice(0, MOST_PARTS), more: parts.length > MOST_PARTS };
}

function compared(part: string, a: Values | undefined, b: Values | undefined): readonly LayoutPart[] {
  const fields = [...new Set([...(a ?? []), ...(b ?? [])].map(([name]) => name))]
    .map((field): LayoutField => ({ field, a: a?.get(field) ?? null, b: b?.get(field) ?? null }))
    .filter((field) => field.a !== field.b);
  if (a === undefined || b === undefined) return [{ part, state: a === undefined ? 'added' : 'removed', fields }];
  if (fields.length === 0) return [];
  return [{ part, state: fields.every(({ field }) => field.endsWith(' at')) ? 'moved' : 'changed', fields }];
}

function partsOf(report: InspectReport): ReadonlyMap<string, Values> {
  const { size, container, machine, capabilities, complete, vmDescription } = report;
  const parts = new Map<string, Values>();
  const seen = new Map<string, number>();
  const add = (name: string, values: Readonly<Record<string, string | null>>): void => {
    const number = (seen.get(name) ?? 0) + 1;
    seen.set(name, number);
    parts.set(number === 1 ? name : `${name} (${number})`, new Map(Object.entries(values)));
  };
  add('file', {
    size: bytes(size),
    container: container.kind,
    'stream at': hex(container.streamOffset),
    'machine type': machine,
    capabilities: capabilities.join(', '),
    whole: complete ? 'yes' : 'no',
  });
  for (const block of report.ramBlocks) add(`block ${block.name}`, blockValues(block));
  const ends = [...report.sections.slice(1).map(({ offset }) => offset), null];
  for (const [index, section] of report.sections.entries()) {
    add(sectionName(section), sectionValues(section, ends[index] ?? null));
  }
  if (vmDescription !== null) {
    add('VM description', { length: bytes(vmDescription.length), 'text at': hex(vmDescription.offset) });
  }
  return parts;
}

const place = (offset: number | null): string | null => (offset === null ? null : hex(offset));
const whole = (value: number | null): string | null => (value === null ? null : String(value));
const bytes = (value: number): string => `${value} bytes`;

const blockValues = (block: BlockReport): Readonly<Record<string, string | null>> => ({
  'used length': bytes(block.usedLength),
  'page size': whole(block.pageSize),
  pages: whole(block.pagesTotal),
  'present pages': whole(block.pagesPresent),
  'bitmap length': block.bitmapLength === null ? null : bytes(block.bitmapLength),
  'record at': hex(block.recordOffset),
  'header at': place(block.headerOffset),
  'bitmap at': place(block.bitmapOffset),
  'pages at': place(block.pagesOffset),
});

const sectionName = ({ type, name, instance }: SectionReport): string =>
  ['section', type, name, instance].filter((part) => part !== null && part !== '').join(' ');

/** A section ends where the next one begins. */
const sectionValues = (
  { offset, version, id }: SectionReport,
  end: number | null,
): Readonly<Record<string, string | null>> => ({
  id: whole(id),
  version: whole(version),
  length: end === null ? null : bytes(end - offset),
  'section at': hex(offset),
});
