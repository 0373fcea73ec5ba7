/** Fields of devices as nodes of the structure tree. */
import type { DeviceTree, DeviceTreesPage } from '@shared/contracts/devices';
import type { StructureNode } from '@shared/contracts/inspect';
import { eachPart, type DeviceData, type FieldNode } from '@shared/stream/device-fields';
import { fieldText } from '@shared/stream/field-text';
import { devicesOf, readDevice } from './device-data';
import type { OpenSnapshot } from './open';
import { dataNodeId, group, leaf } from './tree-nodes';

/** Nodes after which a page ends. */
const PAGE_NODES = 50_000;
/** Most nodes of one device: an e1000e has 34,000. */
const MOST_NODES = 300_000;

interface Budget {
  nodes: number;
}

/** The fields of the devices from number `from` on, as many as make an answer of bounded size: at least one device's. */
export async function deviceTrees(snapshot: OpenSnapshot, from: number): Promise<DeviceTreesPage> {
  const all = await devicesOf(snapshot);
  const trees: DeviceTree[] = [];
  let spent = 0;
  let next = from;
  while (next < all.length && (next === from || spent < PAGE_NODES)) {
    const device = all[next];
    if (device === undefined) break;
    const read = await readDevice(snapshot.source, device);
    if (read !== null) {
      const id = dataNodeId(device.index);
      const budget = { nodes: MOST_NODES };
      trees.push({ id, children: childNodes(id, read.node, read.data, budget) });
      spent += MOST_NODES - budget.nodes;
    }
    next++;
  }
  return { trees, nodes: spent, next: next < all.length ? next : null };
}

/** Every part of a node with all its parts, until the budget is used up: then what is left is one node. */
function childNodes(id: string, node: FieldNode, data: DeviceData, budget: Budget): readonly StructureNode[] {
  const nodes: StructureNode[] = [];
  let index = 0;
  for (const part of eachPart(node, data)) {
    if (budget.nodes <= 0) {
      const length = node.offset + node.length - part.offset;
      const meaning = 'There are more fields here than are listed.';
      nodes.push(leaf(`${id}/rest`, 'device', 'further fields', `${length} bytes`, part.offset, length, meaning));
      return nodes;
    }
    budget.nodes--;
    const own = `${id}/${index++}`;
    nodes.push({ ...fieldNode(own, part, data, node.kind === 'array'), children: childNodes(own, part, data, budget) });
  }
  return nodes;
}

/** One field without its parts. Elements of an array are labelled by their number alone. */
export function fieldNode(id: string, field: FieldNode, data: DeviceData, inArray: boolean): StructureNode {
  const { kind, name, index, type, offset, length, problem } = field;
  const number = index === null ? '' : `[${index}]`;
  const label = inArray ? number : `${name}${number}`;
  const text = fieldText(field, data);
  if (kind === 'undescribed') {
    return leaf(id, 'unknown', 'not described', text, offset, length, 'The description does not tell of these bytes.');
  }
  const meaning = problem ?? MEANINGS.get(type) ?? '';
  const plain = group(id, 'device', label, text, offset, length, meaning, []);
  return kind === 'value' || kind === 'framing' ? { ...plain, source: sourceOf(field) } : plain;
}

const MEANINGS: ReadonlyMap<string, string> = new Map([
  ['subsection', 'Saved only because it is needed.'],
  ['timer', 'When it fires, in nanoseconds of its clock.'],
  ['unused_buffer', 'Room of a field that is no more.'],
  ['nullptr', 'Marks a NULL in an array of pointers.'],
]);

/** How the bytes are to be read. */
function sourceOf({ kind, type, length, name }: FieldNode): string {
  if (kind === 'framing') return name === 'name' ? 'text' : `u${length * 8} big-endian`;
  return /^u?int(16|32|64)/.test(type) ? `${type} big-endian` : type;
}
