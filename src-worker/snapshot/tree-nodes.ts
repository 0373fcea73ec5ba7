/** Makers of tree nodes. */
import { hex } from '@shared/bytes/units';
import type { StructureKind, StructureNode } from '@shared/contracts/inspect';
import type { Parsed, ParsedField } from '@shared/bytes/table';

/** Id of the node of a section, by its number in the stream. */
export const sectionNodeId = (index: number): string => `section/${index}`;

/** Id of the node of a section's data, under which a device's fields stand. */
export const dataNodeId = (index: number): string => `${sectionNodeId(index)}/data`;

/** Id of the node with a CPU's registers. */
export const registersNodeId = (index: number): string => `${sectionNodeId(index)}/registers`;

export function leaf(
  id: string,
  kind: StructureKind,
  label: string,
  value: string | null,
  offset: number,
  length: number,
  meaning: string,
  source: string | null = null,
): StructureNode {
  return { id, kind, label, value, offset, length, meaning, source, pointsTo: null, children: [] };
}

export function group(
  id: string,
  kind: StructureKind,
  label: string,
  value: string | null,
  offset: number,
  length: number,
  meaning: string,
  children: readonly StructureNode[],
): StructureNode {
  return { ...leaf(id, kind, label, value, offset, length, meaning), children };
}

/** A structure and its fields. */
export function structNode(
  id: string,
  parsed: Parsed,
  label: string,
  value: string | null,
  meaning: string,
): StructureNode {
  return group(id, parsed.struct.kind, label, value, parsed.offset, parsed.length, meaning, fieldNodes(id, parsed));
}

/** A leaf for every field of a structure. */
export function fieldNodes(id: string, parsed: Parsed): readonly StructureNode[] {
  return parsed.fields.map((field) => ({
    ...leaf(
      `${id}/${field.field.name}`,
      parsed.struct.kind,
      field.field.name,
      shownValue(field),
      field.offset,
      field.length,
      field.field.meaning,
      sourceOf(field, parsed.endian),
    ),
  }));
}

function sourceOf({ field, length }: ParsedField, endian: Parsed['endian']): string {
  if (field.type !== 'uint') return field.type;
  return length === 1 ? 'u8' : `u${length * 8} ${endian}-endian`;
}

function shownValue({ field, value }: ParsedField): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') {
    const word = field.type === 'uint' ? field.words[value] : undefined;
    const figure = field.type === 'uint' && field.show === 'hex' ? hex(value) : String(value);
    return word === undefined ? figure : `${figure} ${word}`;
  }
  return Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
