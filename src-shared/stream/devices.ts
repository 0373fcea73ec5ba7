import type { ByteCursor } from '../bytes/cursor';
import { byteCount, fileOffset } from '../bytes/units';
import { StillframeError } from '../contracts/failure';
import { parseText, readDescription } from './description';
import { findDescriptions } from './device-data';
import { TYPE, type Layout } from './layout';
import type { Description, DeviceDescription, Section } from './model';
import { Problems } from './problems';
import { walkSections, type LengthOf, type SectionState, type WalkEnd } from './sections';
import { endOf, readStruct } from '../bytes/table';

/** Places that look like a description and are tried. Device data that holds more look-alikes is not met by accident. */
const MOST_CANDIDATES = 4;

/**
 * Walks the sections of a stream from where the cursor stands, through its devices, to its end, and reads the description
 * behind it.
 *
 * Devices end at their footers; the description's sizes check that. Where the two disagree, or where footers are off,
 * the sizes decide if walking by them ends exactly at an EOF that has this description behind it.
 */
export async function walkToEnd(
  cursor: ByteCursor,
  layout: Layout,
  state: SectionState,
  problems: Problems,
): Promise<Description | null> {
  const first = await outcomeOf(() => walkSections(cursor, layout, state, problems, null));
  if (first === 'eof') {
    const description = await descriptionBehindEof(cursor, layout, problems);
    await checkAgainstSizes(cursor, layout, state, problems, description);
    return description;
  }
  const firstDevice = state.sections.findIndex(isDevice);
  const settled = firstDevice < 0 ? null : await walkByAnyDescription(cursor, layout, state, firstDevice, problems);
  if (settled !== null) return settled;
  if (first instanceof StillframeError) throw first;
  const message = 'Section footers are off and no description tells the devices’ sizes: they cannot be told apart.';
  problems.add('warning', 'devices-unknown', state.sections[firstDevice]?.offset ?? null, message);
  return null;
}

type DeviceSection = Extract<Section, { readonly type: 'start' | 'full' }>;

const isDevice = (section: Section): section is DeviceSection => section.type === 'full';

/** A failure of the format as a value; others go on their way. */
async function outcomeOf(walk: () => Promise<WalkEnd>): Promise<WalkEnd | StillframeError> {
  try {
    return await walk();
  } catch (error) {
    if (error instanceof StillframeError && error.failure.code.startsWith('format.')) return error;
    throw error;
  }
}

async function descriptionBehindEof(
  cursor: ByteCursor,
  layout: Layout,
  problems: Problems,
): Promise<Description | null> {
  if (cursor.remaining === 0) return null;
  await cursor.need(1, 'section type');
  if (cursor.peek(1)[0] !== TYPE.description) return null;
  return readDescription(cursor, await readStruct(cursor, layout.description), problems);
}

async function checkAgainstSizes(
  cursor: ByteCursor,
  layout: Layout,
  state: SectionState,
  problems: Problems,
  description: Description | null,
): Promise<void> {
  if (description?.devices == null || state.eof === null) return;
  const { devices } = description;
  const sections = state.sections.filter(isDevice);
  const stranger = sections.findIndex((section, at) => !describes(devices[at], section));
  if (stranger >= 0 || sections.length !== devices.length) {
    if (state.notListed > 0) return;
    const place = sections[stranger]?.offset ?? description.record.offset;
    const message = `The description tells of ${devices.length} devices, but not of the ones that are saved here.`;
    problems.add('warning', 'description-disagrees', place, message);
    return;
  }
  const wrong = sections.find((section, at) => devices[at]?.length !== section.data.length);
  if (wrong === undefined) return;
  const from = state.sections.indexOf(wrong);
  if (await walkBySizes(cursor, layout, state, from, lengthsOf(devices), state.eof.offset)) return;
  const message = `The description's size of ${wrong.name} is not what stands before the section's footer.`;
  problems.add('warning', 'description-disagrees', wrong.offset, message);
}

/** QEMU describes every device that it saves in a section of its own, in the order of the sections. */
const describes = (device: DeviceDescription | undefined, section: DeviceSection): boolean =>
  device?.name === section.name && device.instance === section.record.values.instance;

/** Looks for the description in the bytes behind the first device, and proves it by walking up to it. */
async function walkByAnyDescription(
  cursor: ByteCursor,
  layout: Layout,
  state: SectionState,
  firstDevice: number,
  problems: Problems,
): Promise<Description | null> {
  const from = state.sections[firstDevice]?.data.offset ?? cursor.size;
  for (const place of await findDescriptions(cursor, from, MOST_CANDIDATES)) {
    cursor.seek(place);
    const record = await readStruct(cursor, layout.description);
    const text = { offset: fileOffset(endOf(record)), length: byteCount(record.values.length) };
    const parsed = await parseText(cursor, text);
    if (typeof parsed === 'string') continue;
    const lengthOf = lengthsOf(parsed.devices);
    if (!(await walkBySizes(cursor, layout, state, firstDevice, lengthOf, place - 1))) continue;
    return readDescription(cursor, record, problems);
  }
  return null;
}

/**
 * Walks again from section `from` on, by sizes. Only when that ends in an EOF at `eofOffset` is the result taken over.
 */
async function walkBySizes(
  cursor: ByteCursor,
  layout: Layout,
  state: SectionState,
  from: number,
  lengthOf: LengthOf,
  eofOffset: number,
): Promise<boolean> {
  const start = state.sections[from]?.offset;
  if (start === undefined || state.notListed > 0) return false;
  const before = state.sections.slice(0, from);
  const names = new Map(before.flatMap((section) => (section.type === 'command' ? [] : [[section.id, section.name]])));
  const started = before.flatMap((section) => (section.type === 'start' ? [section.id] : []));
  const ended = new Set(before.flatMap((section) => (section.type === 'end' ? [section.id] : [])));
  const open = new Set(started.filter((id) => !ended.has(id)));
  const attempt: SectionState = { ...state, sections: [...before], names, open, devices: 0, eof: null };
  const attemptProblems = new Problems();
  cursor.seek(start);
  const outcome = await outcomeOf(() => walkSections(cursor, layout, attempt, attemptProblems, lengthOf));
  if (outcome !== 'eof' || attempt.eof?.offset !== eofOffset || attemptProblems.list.length > 0) return false;
  state.sections.splice(0, state.sections.length, ...attempt.sections);
  state.eof = attempt.eof;
  state.open = attempt.open;
  state.devices = before.filter(isDevice).length + attempt.devices;
  return true;
}

function lengthsOf(devices: readonly DeviceDescription[]): LengthOf {
  const lengths = new Map(devices.map((device) => [`${device.instance} ${device.name}`, device.length]));
  return (name, instance) => lengths.get(`${instance} ${name}`) ?? null;
}
