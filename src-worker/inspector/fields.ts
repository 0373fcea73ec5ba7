/** Fields of devices as the inspector asks for them: children of one node, what lies at an offset, what has a text. */
import type { StructureNode } from '@shared/contracts/inspect';
import {
  MAX_CHILDREN,
  MAX_FOUND,
  type Children,
  type FoundField,
  type FoundFields,
} from '@shared/contracts/inspector-port';
import { hex } from '@shared/bytes/units';
import type { DescribedDevice } from '@shared/stream/described-devices';
import { eachPart, partsOf, type DeviceData, type FieldNode, type Parts } from '@shared/stream/device-fields';
import { fieldsJson } from '@shared/stream/field-json';
import { registerEntries, registerNode } from '@shared/stream/registers';
import { devicesOf, readDevice, type ReadDevice } from '../snapshot/device-data';
import type { OpenSnapshot } from '../snapshot/open';
import { fieldNode } from '../snapshot/tree-fields';
import { dataNodeId, leaf, registersNodeId } from '../snapshot/tree-nodes';

/** Fields that one search looks at: VMs have some 60,000. */
const MOST_LOOKED_AT = 1_000_000;
/** Devices whose bytes are kept: most are small, and the cursor and the tree are in one or two. */
const DEVICES_KEPT = 4;
/** Values of a CPU's section. */
const MOST_VALUES = 100_000;

export interface FieldService {
  children(id: string, from: number): Promise<Children>;
  fieldsAt(offset: number): Promise<readonly StructureNode[]>;
  findFields(text: string): Promise<FoundFields>;
}

export function createFieldService(snapshot: OpenSnapshot): FieldService {
  let listing: Promise<readonly DescribedDevice[]> | null = null;
  const kept = new Map<DescribedDevice, Promise<ReadDevice | null>>();

  const devices = (): Promise<readonly DescribedDevice[]> => (listing ??= devicesOf(snapshot));

  function read(device: DescribedDevice): Promise<ReadDevice | null> {
    const known = kept.get(device);
    if (known !== undefined) return known;
    if (kept.size >= DEVICES_KEPT) {
      const [oldest] = kept.keys();
      if (oldest !== undefined) kept.delete(oldest);
    }
    const reading = readDevice(snapshot.source, device);
    kept.set(device, reading);
    return reading;
  }

  return {
    async children(id, from) {
      const [, index = '', what = '', steps = ''] = /^section\/(\d+)\/(data|registers)((?:\/\d+)*)$/.exec(id) ?? [];
      const device = (await devices()).find((one) => String(one.index) === index);
      const opened = device === undefined ? null : await read(device);
      if (opened === null) return { nodes: [], total: 0 };
      if (what === 'registers') return some(registersOf(id, opened), from);
      return childrenAt(id, opened, steps.split('/').slice(1).map(Number), from);
    },

    async fieldsAt(offset) {
      const device = (await devices()).find(
        ({ section: { data } }) => offset >= data.offset && offset < data.offset + data.length,
      );
      const opened = device === undefined ? null : await read(device);
      return device === undefined || opened === null ? [] : chainTo(dataNodeId(device.index), opened, offset);
    },

    async findFields(text) {
      const search = new Search(text.trim().toLowerCase());
      for (const device of await devices()) {
        const opened = await readDevice(snapshot.source, device);
        if (opened === null) continue;
        search.registers(registersNodeId(device.index), opened);
        search.fields(dataNodeId(device.index), opened);
        if (search.full) break;
      }
      return { found: search.found, more: search.full };
    },
  };
}

const some = (nodes: readonly StructureNode[], from: number): Children => ({
  nodes: nodes.slice(from, from + MAX_CHILDREN),
  total: nodes.length,
});

/** A field with its parts left to be asked for. */
function lazyNode(id: string, field: FieldNode, data: DeviceData, inArray: boolean): StructureNode {
  const node = fieldNode(id, field, data, inArray);
  return partsOf(field, data).count > 0 ? { ...node, lazy: true } : node;
}

function childrenAt(id: string, { node, data }: ReadDevice, steps: readonly number[], from: number): Children {
  let parent = node;
  for (const step of steps) {
    const parts = partsOf(parent, data);
    if (step >= parts.count) return { nodes: [], total: 0 };
    parent = parts.at(step);
  }
  const parts = partsOf(parent, data);
  const nodes: StructureNode[] = [];
  for (let index = from; index < Math.min(parts.count, from + MAX_CHILDREN); index++) {
    nodes.push(lazyNode(`${id}/${index}`, parts.at(index), data, parent.kind === 'array'));
  }
  return { nodes, total: parts.count };
}

function chainTo(id: string, { node, data }: ReadDevice, offset: number): readonly StructureNode[] {
  const chain: StructureNode[] = [];
  let [parent, own] = [node, id];
  for (;;) {
    const parts = partsOf(parent, data);
    const index = partAt(parts, offset);
    if (index === null) return chain;
    const part = parts.at(index);
    own = `${own}/${index}`;
    chain.push(lazyNode(own, part, data, parent.kind === 'array'));
    parent = part;
  }
}

/** The part that has a byte at `offset`; parts lie one behind another, some of them empty. */
function partAt(parts: Parts, offset: number): number | null {
  let [low, high] = [0, parts.count];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const { offset: start, length } = parts.at(middle);
    if (start + length <= offset) low = middle + 1;
    else high = middle;
  }
  return low < parts.count && parts.at(low).offset <= offset ? low : null;
}

/** The registers of a CPU as nodes: each stands for the bytes of the field that holds it. */
function registersOf(id: string, { node, data }: ReadDevice): readonly StructureNode[] {
  const fields = fieldsJson(node, data, { values: MOST_VALUES, onProblem: () => undefined });
  const entries = registerEntries(node.name, fields);
  if (entries === null) return [];
  return entries.flatMap((entry, index) => {
    const field = registerNode(node, data, entry);
    if (field === null) return [];
    const where = `${entry.field}${entry.index === null ? '' : `[${entry.index}]`}${entry.part === null ? '' : `.${entry.part}`}`;
    const value = hex(BigInt.asUintN(64, BigInt(entry.value)));
    return [
      leaf(`${id}/${index}`, 'device', entry.name, value, field.offset, field.length, `Saved as ${where}.`, field.type),
    ];
  });
}

/** Looks through fields and keeps the first that have the text. */
class Search {
  readonly found: FoundField[] = [];
  #left = MOST_LOOKED_AT;

  constructor(readonly text: string) {}

  /** Nothing more is looked for. */
  get full(): boolean {
    return this.found.length >= MAX_FOUND || this.#left <= 0;
  }

  registers(id: string, device: ReadDevice): void {
    if (device.node.name !== 'cpu') return;
    for (const node of registersOf(id, device)) if (this.#matches(node)) this.#keep(id, [node]);
  }

  fields(id: string, { node, data }: ReadDevice): void {
    this.#below(id, id, node, data, []);
  }

  #below(top: string, id: string, parent: FieldNode, data: DeviceData, above: readonly StructureNode[]): void {
    let index = 0;
    for (const part of eachPart(parent, data)) {
      if (this.full) return;
      this.#left--;
      const own = `${id}/${index++}`;
      const node = lazyNode(own, part, data, parent.kind === 'array');
      const chain = [...above, node];
      if (this.#matches(node)) this.#keep(top, chain);
      this.#below(top, own, part, data, chain);
    }
  }

  #matches({ label, value }: StructureNode): boolean {
    return `${label} ${value ?? ''}`.toLowerCase().includes(this.text);
  }

  #keep(parent: string, chain: readonly StructureNode[]): void {
    if (!this.full) this.found.push({ parent, chain });
  }
}
