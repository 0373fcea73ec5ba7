import type { ByteCursor } from '../bytes/cursor';
import type { Range } from '../bytes/ranges';
import { decodeTextStrictly } from '../bytes/text';
import { byteCount, fileOffset } from '../bytes/units';
import type { Layout } from './layout';
import type { Description, DeviceDescription } from './model';
import type { Problems } from './problems';
import { endOf, type Parsed } from '../bytes/table';

/** A description is some 50 KiB for a small VM, and grows by 10 KiB a virtual CPU. */
const LONGEST_TEXT = 16 * 1024 * 1024;
/** Fields, devices and subsections: a small VM has some 3,000. Keeps hostile JSON from filling memory. */
const MOST_ITEMS = 1_000_000;
const DEEPEST = 64;

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads the JSON text behind a VMDESCRIPTION record. What cannot be read is reported, and `devices` is null.
 */
export async function readDescription(
  cursor: ByteCursor,
  record: Parsed<Layout['description']>,
  problems: Problems,
): Promise<Description> {
  const length = record.values.length;
  const text = { offset: fileOffset(endOf(record)), length: byteCount(Math.min(length, cursor.remaining)) };
  if (length > cursor.remaining) {
    const missing = `${length} bytes are due, ${cursor.remaining} are there`;
    problems.add('error', 'truncated', record.offset, `The file ends inside the description: ${missing}.`);
    return { record, text, devices: null, pageSize: null };
  }
  const parsed = await parseText(cursor, text);
  if (typeof parsed === 'string') {
    problems.add('warning', 'description-unreadable', text.offset, `The description cannot be used: ${parsed}.`);
    return { record, text, devices: null, pageSize: null };
  }
  return { record, text, ...parsed };
}

/** The devices of a description, or what is wrong with it. */
export async function parseText(
  cursor: ByteCursor,
  text: Range,
): Promise<{ readonly devices: readonly DeviceDescription[]; readonly pageSize: number | null } | string> {
  if (text.length > LONGEST_TEXT)
    return `it is ${text.length} bytes long, and ${LONGEST_TEXT} is the most that is read`;
  const raw = await cursor.source.read(text.offset, text.length);
  if (raw.length < text.length) return 'the file ends inside it';
  const tooMuch = tooComplex(raw);
  if (tooMuch !== null) return tooMuch;
  const decoded = decodeTextStrictly(raw);
  if (decoded === null) return 'it is not UTF-8';
  let value: unknown;
  try {
    value = JSON.parse(decoded);
  } catch {
    return 'it is not JSON';
  }
  if (!isObject(value) || !Array.isArray(value.devices)) return 'it lists no devices';
  const devices: DeviceDescription[] = [];
  for (const device of value.devices as readonly unknown[]) {
    const described = describeDevice(device);
    if (described === null) return `device ${devices.length} of its list is none`;
    devices.push(described);
  }
  const pageSize = value.page_size;
  return { devices, pageSize: isSize(pageSize) && pageSize > 0 ? pageSize : null };
}

/** Checked on the bytes, before anything is built from them. Brackets inside strings count too, which does no harm. */
function tooComplex(raw: Uint8Array): string | null {
  let depth = 0;
  let items = 0;
  for (const byte of raw) {
    if (byte === 0x7b || byte === 0x5b) {
      if (++depth > DEEPEST) return `it is nested more than ${DEEPEST} deep`;
      items++;
    } else if (byte === 0x7d || byte === 0x5d) {
      depth--;
    } else if (byte === 0x2c) {
      items++;
    }
  }
  return items > MOST_ITEMS ? `it has more than ${MOST_ITEMS} entries` : null;
}

function describeDevice(device: unknown): DeviceDescription | null {
  if (!isObject(device)) return null;
  const { name, instance_id: instance } = device;
  if (typeof name !== 'string' || !isSize(instance)) return null;
  const length = lengthOfState(device);
  return length === null ? null : { name, instance, length };
}

/** Bytes of a device's or subsection's fields and of the subsections below it; null where a size is missing or absurd. */
function lengthOfState(state: JsonObject): number | null {
  let total = 0;
  for (const field of listOf(state.fields)) {
    const length = isObject(field) ? lengthOfField(field) : null;
    if (length === null) return null;
    total += length;
  }
  for (const subsection of listOf(state.subsections)) {
    const length = isObject(subsection) ? lengthOfSubsection(subsection) : null;
    if (length === null) return null;
    total += length;
  }
  return Number.isSafeInteger(total) ? total : null;
}

/**
 * A field's `size` is what QEMU wrote for it, a structure's with everything in it. Of an array whose elements are all
 * alike only the first is described, with `array_len`; other arrays list each element with its `index`.
 */
function lengthOfField(field: JsonObject): number | null {
  const { size, array_len: count } = field;
  if (!isSize(size)) return null;
  if (count === undefined) return size;
  return isSize(count) ? size * count : null;
}

/** Type byte, length byte, name, version, then as any state (migration/vmstate.c, `vmstate_subsection_save`). */
function lengthOfSubsection(subsection: JsonObject): number | null {
  const { vmsd_name: name } = subsection;
  const inner = lengthOfState(subsection);
  return typeof name !== 'string' || inner === null ? null : 1 + 1 + name.length + 4 + inner;
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as readonly unknown[]) : []);
const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isSize = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
