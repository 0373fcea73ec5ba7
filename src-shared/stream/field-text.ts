/** A field's value as a person reads it, and what its bytes are. */
import { hex } from '../bytes/units';
import { decodeText } from '../bytes/text';
import { bytesOf, type DeviceData, type FieldNode } from './device-fields';
import { hexBytes, valueOf } from './field-values';

/** Bytes of a field that are shown. */
const MOST_BYTES = 16;
const NANOSECONDS = 8;

/** `582 (0x246)`, `true`, `7f 45 4c 46`, `1024 elements`; null for a structure. */
export function fieldText(node: FieldNode, data: DeviceData): string | null {
  if (node.kind === 'state') return null;
  if (node.kind === 'array') return counted(node.count, 'element');
  if (node.kind === 'list') {
    const elements = node.items.filter(({ state, name }) => state !== null && name !== 'key').length;
    return counted(elements, 'element');
  }
  if (node.type === 'framing') return framingText(node, data);
  if (node.kind === 'undescribed') return counted(node.length, 'byte');
  // Asked for first, since it says whether the bytes are there at all.
  if (node.length > MOST_BYTES) return longText(node, data);
  const value = valueOf(node, data);
  switch (value.kind) {
    case 'integer':
      return integerText(value.value, value.bits);
    case 'bool':
      return String(value.value);
    case 'nullptr':
      return 'NULL';
    case 'unread':
      return 'not read';
    case 'bytes':
      return node.type === 'timer' && value.bytes.length === NANOSECONDS
        ? timerText(value.bytes)
        : hexBytes(value.bytes);
  }
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

function longText(node: FieldNode, data: DeviceData): string {
  const first = bytesOf(node, data, MOST_BYTES);
  if (first.length < MOST_BYTES) return 'not read';
  return `${hexBytes(first)} … (${counted(node.length, 'byte')})`;
}

function framingText(node: FieldNode, data: DeviceData): string {
  const bytes = bytesOf(node, data);
  return node.name === 'name' ? decodeText(bytes) : String(bytes.reduce((value, byte) => value * 256 + byte, 0));
}

/** Decimal and hexadecimal; addresses and masks, which are large, in hexadecimal alone. */
function integerText(value: bigint, bits: bigint): string {
  if (value >= 0n && value < 10n) return String(value);
  return value < 2n ** 32n ? `${value} (${hex(bits)})` : hex(bits);
}

/** When the timer fires, in nanoseconds of its clock; all ones: never (migration/savevm.c, `timer_put`). */
function timerText(bytes: Uint8Array): string {
  const at = bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n);
  return at === 2n ** 64n - 1n ? 'not set' : `${at} ns`;
}
