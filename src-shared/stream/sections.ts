import type { ByteCursor } from '../bytes/cursor';
import { byteCount, fileOffset, type FileOffset } from '../bytes/units';
import { fail } from '../contracts/failure';
import { findFooter } from './device-data';
import { COMMANDS, TYPE, type Layout } from './layout';
import type { PageCounts, Section } from './model';
import type { Problems } from './problems';
import { RAM_VERSION, readRamData, type RamState } from './ram-section';
import { badValue, endOf, fieldOf, readStruct, type Parsed } from '../bytes/table';

/**
 * Most sections that are listed. Of PARTs fewer are, so that the devices behind them still are: a live stream has one for
 * every 50 ms of its save, one with dirty bitmaps tens of thousands (seen: 66,000 in a second).
 */
const MOST_SECTIONS = 40_000;
const MOST_PARTS = 20_000;
/** A stream has as many sections with an id as the VM has devices. */
const MOST_IDS = 16_384;
/** Command whose payload says how long another stream right behind it is. */
const PACKAGED = 8;

/** What walking the sections leaves behind. */
export interface SectionState {
  readonly sections: Section[];
  notListed: number;
  footers: boolean | null;
  eof: Parsed<Layout['eof']> | null;
  readonly names: Map<number, string>;
  readonly ram: RamState;
  /** Sections that were started and not ended yet. */
  open: Set<number>;
  devices: number;
}

/** Length of a device section's data, from elsewhere than its footer. */
export type LengthOf = (name: string, instance: number) => number | null;

export type WalkEnd = 'eof' | 'devices-unknown';

/**
 * Walks sections to the EOF. Each one found is put into `state` at once. A device's data ends where `lengthOf` says, else
 * at its footer; without either the walk ends there (`devices-unknown`).
 */
export async function walkSections(
  cursor: ByteCursor,
  layout: Layout,
  state: SectionState,
  problems: Problems,
  lengthOf: LengthOf | null,
): Promise<WalkEnd> {
  for (;;) {
    await cursor.need(1, 'section type');
    const type = cursor.peek(1)[0];
    switch (type) {
      case TYPE.eof:
        state.eof = await readStruct(cursor, layout.eof);
        return 'eof';
      case TYPE.start:
      case TYPE.full:
        if (!(await openSection(cursor, layout, state, problems, type, lengthOf))) return 'devices-unknown';
        break;
      case TYPE.part:
      case TYPE.end:
        if (!(await continueSection(cursor, layout, state, problems, type))) return 'devices-unknown';
        break;
      case TYPE.command:
        await readCommand(cursor, layout, state);
        break;
      default:
        throw badValue(cursor, cursor.offset, 'section type', `0x${Number(type).toString(16)} begins no section here`);
    }
  }
}

/** Not empty, and without control characters. */
const isName = (name: string): boolean => /^[^\p{Cc}\ufffd]+$/u.test(name);

async function openSection(
  cursor: ByteCursor,
  layout: Layout,
  state: SectionState,
  problems: Problems,
  type: 0x01 | 0x04,
  lengthOf: LengthOf | null,
): Promise<boolean> {
  const record = await readStruct(cursor, type === TYPE.start ? layout.sectionStart : layout.sectionFull);
  const { 'section id': id, name, instance, version } = record.values;
  if (!isName(name)) throw badValue(cursor, fieldOf(record, 'name').offset, 'name', 'it is no name of a section');
  if (state.names.size >= MOST_IDS)
    throw badValue(cursor, record.offset, 'section id', `there are more than ${MOST_IDS} of them`);
  const isRam = type === TYPE.start && name === 'ram';
  if (isRam && version !== RAM_VERSION) {
    const what = `it is ${version}, and QEMU loads only ${RAM_VERSION}`;
    throw badValue(cursor, fieldOf(record, 'version').offset, 'version of ram', what);
  }
  if (state.names.has(id)) {
    const place = fieldOf(record, 'section id').offset;
    problems.add('error', 'bad-value', place, `Section id ${id} is that of ${String(state.names.get(id))}, too.`);
  }
  state.names.set(id, name);
  if (type === TYPE.start) state.open.add(id);
  if (!isRam) state.devices++;
  const opened = { type: type === TYPE.start ? 'start' : 'full', record, offset: record.offset, id, name } as const;
  const index = list(state, opened.type, () => unfinished(opened));
  const data = isRam
    ? await ramData(cursor, layout, state, problems)
    : await deviceData(cursor, state, id, lengthOf?.(name, instance) ?? null);
  return finish(cursor, layout, state, index, opened, data);
}

async function continueSection(
  cursor: ByteCursor,
  layout: Layout,
  state: SectionState,
  problems: Problems,
  type: 0x02 | 0x03,
): Promise<boolean> {
  const record = await readStruct(cursor, type === TYPE.part ? layout.sectionPart : layout.sectionEnd);
  const id = record.values['section id'];
  const name = state.names.get(id);
  if (name === undefined || !state.open.has(id)) {
    throw badValue(cursor, fieldOf(record, 'section id').offset, 'section id', `no section ${id} is open here`);
  }
  const isRam = name === 'ram';
  const opened = { type: type === TYPE.part ? 'part' : 'end', record, offset: record.offset, id, name } as const;
  const index = list(state, opened.type, () => unfinished(opened));
  const data = isRam ? await ramData(cursor, layout, state, problems) : await deviceData(cursor, state, id, null);
  if (type === TYPE.end) state.open.delete(id);
  return finish(cursor, layout, state, index, opened, data);
}

interface DataFound {
  readonly end: FileOffset;
  readonly counts: PageCounts | null;
}

async function ramData(
  cursor: ByteCursor,
  layout: Layout,
  state: SectionState,
  problems: Problems,
): Promise<DataFound> {
  const counts = await readRamData(cursor, layout, state.ram, problems);
  state.footers ??= await nextIs(cursor, TYPE.footer);
  return { end: cursor.offset, counts };
}

/** null: nothing tells where the data ends. */
async function deviceData(
  cursor: ByteCursor,
  state: SectionState,
  id: number,
  length: number | null,
): Promise<DataFound | null> {
  if (length !== null) {
    if (length > cursor.remaining) throw cursor.truncated(length, 'device state');
    return { end: fileOffset(cursor.offset + length), counts: null };
  }
  if (state.footers === false) return null;
  const footer = await findFooter(cursor, cursor.offset, id, (section) => state.open.has(section));
  if (footer === null) {
    throw fail(
      'format.truncated',
      'reading the device sections',
      'the section whose state begins here has no footer',
      'The file is not whole: what stands before this place can still be read.',
      { where: { path: cursor.source.name, offset: cursor.offset, field: 'device state' } },
    );
  }
  return { end: footer, counts: null };
}

type Opened = { readonly offset: FileOffset; readonly id: number; readonly name: string } & (
  | { readonly type: 'start' | 'full'; readonly record: Parsed<Layout['sectionStart']> }
  | { readonly type: 'part' | 'end'; readonly record: Parsed<Layout['sectionPart']> }
);

/** A section whose data is still to be read: what is listed of it if the file ends in its data. */
const unfinished = (opened: Opened): Section => ({
  ...opened,
  data: { offset: fileOffset(endOf(opened.record)), length: byteCount(0) },
  footer: null,
  counts: null,
});

/** Reads the footer and completes the section's entry. False when its data has no known end. */
async function finish(
  cursor: ByteCursor,
  layout: Layout,
  state: SectionState,
  index: number | null,
  opened: Opened,
  found: DataFound | null,
): Promise<boolean> {
  if (found === null) return false;
  cursor.seek(found.end);
  const footer = state.footers === false ? null : await readFooter(cursor, layout, opened.id);
  if (index === null) return true;
  const dataOffset = fileOffset(endOf(opened.record));
  const data = { offset: dataOffset, length: byteCount(found.end - dataOffset) };
  state.sections[index] = { ...opened, data, footer, counts: found.counts };
  return true;
}

async function readFooter(cursor: ByteCursor, layout: Layout, id: number): Promise<Parsed<Layout['footer']>> {
  const footer = await readStruct(cursor, layout.footer);
  if (footer.values['section id'] !== id) {
    const what = `the footer is that of section ${footer.values['section id']}, not of ${id}`;
    throw badValue(cursor, footer.offset, 'section id', what);
  }
  return footer;
}

async function readCommand(cursor: ByteCursor, layout: Layout, state: SectionState): Promise<void> {
  const record = await readStruct(cursor, layout.command);
  const { command, length } = record.values;
  const name = COMMANDS[command] ?? null;
  if (command === PACKAGED) {
    throw fail(
      'format.unsupported',
      'reading a command',
      'PACKAGED holds a stream of its own, as postcopy sends it',
      'Save the VM with mapped-ram or as an ordinary stream.',
      { where: { path: cursor.source.name, offset: record.offset, field: 'command' } },
    );
  }
  if (length > cursor.remaining) throw cursor.truncated(length, 'payload of a command');
  const data = { offset: cursor.offset, length: byteCount(length) };
  cursor.skip(length);
  list(state, 'command', () => ({ type: 'command', record, offset: record.offset, name, data, footer: null }));
}

/** The section's place in the list; null when the list is full. */
function list(state: SectionState, type: Section['type'], section: () => Section): number | null {
  if (state.sections.length < (type === 'part' ? MOST_PARTS : MOST_SECTIONS)) return state.sections.push(section()) - 1;
  state.notListed++;
  return null;
}

async function nextIs(cursor: ByteCursor, type: number): Promise<boolean> {
  if (cursor.remaining === 0) return true;
  await cursor.need(1, 'section type');
  return cursor.peek(1)[0] === type;
}
