/**
 * A device's section as a tree of fields, each with its place in the file. The tree is made where it is looked at: a node
 * knows how many parts it has and makes any one of them, so no description, whatever it claims, costs more than what is
 * asked for.
 *
 * Names, order and places are those of QEMU's scripts/analyze-migration.py. This goes further in two ways. That script
 * walks a plain stream from its start, page records included, and finds the description by its last zero byte: it fails on
 * mapped-ram files, multifd or not, on libvirt images, and on bytes behind the stream; here the sections were found before
 * (devices.ts). And it leaves `vstruct`, `tmp`, `qtailq`, `qlist` and `gtree` as bytes, which are taken apart here
 * (device-lists.ts).
 */
import { decodeText } from '../bytes/text';
import { readUint } from '../bytes/uint';
import { byteCount, fileOffset, hex, type ByteCount, type FileOffset } from '../bytes/units';
import { lengthOf, subsectionHeadLength, type DescribedField, type DescribedState } from './described';
import { layOutList, type ListItem } from './device-lists';
import { TYPE } from './layout';

/** The bytes of a device's section data; `bytes` may hold fewer than the section has. */
export interface DeviceData {
  readonly offset: FileOffset;
  readonly bytes: Uint8Array;
}

interface NodePlace {
  /** As in the VM description. */
  readonly name: string;
  /** Which element of an array. */
  readonly index: number | null;
  /** The description's word (`uint32`, `struct` …), or `subsection`, `framing`, `undescribed`. */
  readonly type: string;
  readonly offset: FileOffset;
  readonly length: ByteCount;
  /** What is wrong here, as a sentence: description and bytes, or the description with itself, do not agree. */
  readonly problem: string | null;
}

/** One field or a group of them. */
export type FieldNode = NodePlace &
  (
    | { readonly kind: 'value' }
    /** Bytes that hold no field: the head of a subsection, the marks between the elements of a list. */
    | { readonly kind: 'framing' }
    /** Bytes that the description does not tell of. */
    | { readonly kind: 'undescribed' }
    /** `head`: bytes before the first field, which are a subsection's. */
    | { readonly kind: 'state'; readonly state: DescribedState; readonly head: number }
    | { readonly kind: 'array'; readonly field: DescribedField; readonly count: number }
    | { readonly kind: 'list'; readonly items: readonly ListItem[] }
  );

/** What a node consists of, in the order of the file. */
export interface Parts {
  readonly count: number;
  /** Part 0 … count − 1. */
  at(index: number): FieldNode;
}

const NO_PARTS: Parts = {
  count: 0,
  at: (index) => {
    throw new RangeError(`part ${index} of none`);
  },
};

/** The node of a whole device: its section's data, as `state` describes it. */
export function deviceNode(name: string, state: DescribedState, offset: FileOffset, length: number): FieldNode {
  return {
    ...place(name, null, 'struct', offset, length, mismatch(state, length)),
    kind: 'state',
    state,
    head: 0,
  };
}

/** The parts of a node. `data` decides where QEMU's own marks stand in the bytes. */
export function partsOf(node: FieldNode, data: DeviceData): Parts {
  switch (node.kind) {
    case 'state':
      return partsOfState(node, data);
    case 'array':
      return {
        count: node.count,
        at: (index) => elementNode(node.field, index, node.offset + index * node.field.size, data),
      };
    case 'list':
      return { count: node.items.length, at: (index) => listPart(node.items, index, node.offset) };
    case 'value':
    case 'framing':
    case 'undescribed':
      return NO_PARTS;
  }
}

/** Every part of a node, made one after another. */
export function* eachPart(node: FieldNode, data: DeviceData): Generator<FieldNode> {
  const parts = partsOf(node, data);
  for (let index = 0; index < parts.count; index++) yield parts.at(index);
}

/** The bytes of a node, `most` at most; fewer where the section's bytes were not all read. */
export function bytesOf(node: NodePlace, data: DeviceData, most = Number.POSITIVE_INFINITY): Uint8Array {
  const start = node.offset - data.offset;
  return data.bytes.subarray(start, start + Math.min(node.length, most));
}

function place(
  name: string,
  index: number | null,
  type: string,
  offset: number,
  length: number,
  problem: string | null = null,
): NodePlace {
  return { name, index, type, offset: fileOffset(offset), length: byteCount(length), problem };
}

function mismatch(state: DescribedState, length: number): string | null {
  if (state.wrong !== null) return state.wrong;
  if (state.length === length) return null;
  return `The description tells of ${state.length} bytes, and ${length} are here.`;
}

/** Names of a subsection's head, and how long each is; the name itself is as long as its text. */
const HEAD = ['type', 'name length', 'name', 'version'] as const;

function partsOfState(node: FieldNode & { readonly kind: 'state' }, data: DeviceData): Parts {
  const { state, head, offset, length } = node;
  const inside = length - head;
  const described = state.fields.length + state.subsections.length;
  const fitting = state.length <= inside ? described : countFitting(state, inside);
  const framing = head === 0 ? 0 : HEAD.length;
  const end = fitting === 0 ? 0 : endOfPart(state, fitting - 1);
  const rest = inside - end;
  return {
    count: framing + fitting + (rest > 0 ? 1 : 0),
    at: (index) => {
      if (index < framing) return headPart(state.name, index, offset);
      const at = index - framing;
      if (at >= fitting) return { ...place('', null, 'undescribed', offset + head + end, rest), kind: 'undescribed' };
      return statePart(state, at, offset + head, data);
    },
  };
}

/** How many fields and subsections end within `length` bytes. By halves: hostile arrays hold a million such states. */
function countFitting(state: DescribedState, length: number): number {
  let [fitting, over] = [0, state.fields.length + state.subsections.length];
  while (fitting < over) {
    const middle = Math.floor((fitting + over) / 2);
    if (endOfPart(state, middle) <= length) fitting = middle + 1;
    else over = middle;
  }
  return fitting;
}

const endOfPart = (state: DescribedState, index: number): number => state.starts[index + 1] ?? state.length;

function headPart(name: string, index: number, offset: number): FieldNode {
  const starts = [0, 1, 2, 2 + name.length];
  const lengths = [1, 1, name.length, 4];
  return {
    ...place(HEAD[index] ?? '', null, 'framing', offset + (starts[index] ?? 0), lengths[index] ?? 0),
    kind: 'framing',
  };
}

function statePart(state: DescribedState, index: number, base: number, data: DeviceData): FieldNode {
  const offset = base + (state.starts[index] ?? 0);
  const field = state.fields[index];
  if (field !== undefined) return fieldNode(field, offset, data);
  const subsection = state.subsections[index - state.fields.length];
  if (subsection === undefined) throw new RangeError(`part ${index} of ${state.name}`);
  return subsectionNode(subsection, offset, data);
}

function fieldNode(field: DescribedField, offset: number, data: DeviceData): FieldNode {
  const { name, type, count } = field;
  if (count === null) return elementNode(field, field.index, offset, data);
  const length = lengthOf(field);
  if (length === 0) return { ...place(name, null, type, offset, 0, 'It has elements of no size.'), kind: 'value' };
  return { ...place(name, null, type, offset, length), kind: 'array', field, count };
}

/** One value, structure or list: a field that is no array, or an element of one. */
function elementNode(field: DescribedField, index: number | null, offset: number, data: DeviceData): FieldNode {
  const { name, type, size, states, wrong } = field;
  const [state] = states;
  const at = place(name, index, type, offset, size, wrong);
  if (type === 'nullptr') return { ...at, problem: nullProblem(at, data), kind: 'value' };
  // Types not known here may hold a state somewhere among other bytes: only one that fills the field is where it seems.
  const fills = states.length === 1 && state !== undefined && (type === 'struct' || state.length === size);
  if (fills) return { ...at, kind: 'state', state, head: 0 };
  const items = layOutList(field, bytesOf(at, data));
  return items === null ? { ...at, kind: 'value' } : { ...at, kind: 'list', items };
}

/** Of a NULL in an array of pointers QEMU writes this one byte (`VMS_NULLPTR_MARKER`). */
const NULL_MARK = 0x30;

function nullProblem(node: NodePlace, data: DeviceData): string | null {
  const bytes = bytesOf(node, data);
  return bytes.length === 1 && bytes[0] === NULL_MARK ? null : `There is no mark of a NULL pointer (0x30) here.`;
}

function subsectionNode(state: DescribedState, offset: number, data: DeviceData): FieldNode {
  const head = subsectionHeadLength(state.name);
  const at = place(state.name, null, 'subsection', offset, head + state.length);
  const found = bytesOf(at, data, head);
  const begins = found.length === head && found[0] === TYPE.subsection;
  const name = begins ? decodeText(found.subarray(2, 2 + readUint(found, 1, 1))) : null;
  if (name === state.name) return { ...at, problem: state.wrong, kind: 'state', state, head };
  const what = name === null ? `byte ${found[0] === undefined ? 'missing' : hex(found[0])}` : `"${name}"`;
  return { ...at, problem: `Subsection ${state.name} should begin here, and there is ${what}.`, kind: 'value' };
}

function listPart(items: readonly ListItem[], index: number, base: number): FieldNode {
  const item = items[index];
  if (item === undefined) throw new RangeError(`part ${index} of a list`);
  const at = place(item.name, item.index, item.type, base + item.start, item.length);
  if (item.state !== null) return { ...at, problem: item.state.wrong, kind: 'state', state: item.state, head: 0 };
  return { ...at, kind: item.framing ? 'framing' : 'value' };
}
