/** The devices of a file as a list, out of its structure tree. */
import type { InspectReport, StructureNode } from '@shared/contracts/inspect';
import { hex } from '@shared/bytes/units';
import { counted } from '../../lib/format';

/** One device's section. */
export interface DeviceEntry {
  readonly node: StructureNode;
  readonly name: string;
  readonly instance: number | null;
  readonly version: number | null;
  /** The device's own state: lazy where the description tells of its fields; null where it has no bytes. */
  readonly data: StructureNode | null;
  /** The id of what has its registers; null for what is no CPU, or whose fields nobody knows. */
  readonly registers: string | null;
}

/** The node that holds the devices; null when there are none. */
export const devicesNode = (roots: readonly StructureNode[]): StructureNode | null =>
  roots.find(({ id }) => id === 'devices') ?? null;

export function deviceEntries(
  roots: readonly StructureNode[],
  report: Pick<InspectReport, 'sections'> | null,
): readonly DeviceEntry[] {
  const sections = new Map(report?.sections.map((section) => [section.offset, section]));
  return (devicesNode(roots)?.children ?? []).map((node): DeviceEntry => {
    const section = sections.get(node.offset);
    const part = (id: string): StructureNode | null =>
      node.children.find((child) => child.id === `${node.id}/${id}`) ?? null;
    return {
      node,
      name: section?.name ?? node.label,
      instance: section?.instance ?? null,
      version: section?.version ?? null,
      data: part('data'),
      registers: part('registers')?.id ?? null,
    };
  });
}

/** "version 12, 2 345 bytes at 0x81b01c10" */
export function deviceFacts({ version, node }: DeviceEntry): string {
  const words = `${counted(node.length, 'byte')} at ${hex(node.offset)}`;
  return version === null ? words : `version ${version}, ${words}`;
}
