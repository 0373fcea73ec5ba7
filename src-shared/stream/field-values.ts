/** Values of fields, by the words that the description has for how they are written (migration/vmstate-types.c). */
import { readBigUint } from '../bytes/uint';
import { bytesOf, type DeviceData, type FieldNode } from './device-fields';

export type FieldValue =
  /** `bits`: as it is written, whatever its sign. */
  | { readonly kind: 'integer'; readonly value: bigint; readonly bits: bigint; readonly size: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'nullptr' }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** Its bytes were not read: the section is longer than what is. */
  | { readonly kind: 'unread' };

/** Words of integers, and whether scripts/analyze-migration.py gives them a sign (`uint8 equal` has one there). */
const SIGNED: ReadonlyMap<string, boolean> = new Map([
  ['int8', true],
  ['int16', true],
  ['int32', true],
  ['int64', true],
  ['int32 equal', true],
  // Less or equal, not little-endian.
  ['int32 le', true],
  ['int64 equal', true],
  ['uint8 equal', true],
  ['uint16 equal', true],
  ['uint8', false],
  ['uint16', false],
  ['uint32', false],
  ['uint64', false],
  ['uint32 equal', false],
]);

/** QEMU writes none longer. */
const LONGEST_INTEGER = 8;

/** The value of a node without parts; every integer is big-endian. Of a group: its bytes. */
export function valueOf(node: FieldNode, data: DeviceData): FieldValue {
  const bytes = bytesOf(node, data);
  if (bytes.length < node.length) return { kind: 'unread' };
  const signed = SIGNED.get(node.type);
  if (signed !== undefined && bytes.length > 0 && bytes.length <= LONGEST_INTEGER) return integerOf(bytes, signed);
  if (node.type === 'bool' && bytes.length > 0) return { kind: 'bool', value: bytes[0] !== 0 };
  if (node.type === 'nullptr' && node.problem === null) return { kind: 'nullptr' };
  return { kind: 'bytes', bytes };
}

function integerOf(bytes: Uint8Array, signed: boolean): FieldValue {
  const bits = readBigUint(bytes, 0, bytes.length);
  const value = signed ? BigInt.asIntN(bytes.length * 8, bits) : bits;
  return { kind: 'integer', value, bits, size: bytes.length };
}

/** `7f 00 03` */
export function hexBytes(bytes: Uint8Array): string {
  const words: string[] = [];
  for (const byte of bytes) words.push(BYTE_WORDS[byte] ?? '');
  return words.join(' ');
}

const BYTE_WORDS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
