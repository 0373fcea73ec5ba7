/** The devices of the open file: which is looked at, what of it is open, and what is looked for in all of them. */
import type { InspectReport, StructureNode } from '@shared/contracts/inspect';
import type { InspectorPort } from '@shared/contracts/inspector-port';
import { comeChildren, parentOfMore } from '../tree/lazy-nodes';
import { FieldNodes } from '../tree/field-nodes.svelte';
import { filteredRows, treeRows, type TreeRow } from '../tree/tree-rows';
import { deviceEntries, devicesNode, type DeviceEntry } from './device-list';

type FieldPort = Pick<InspectorPort, 'children' | 'fieldsAt' | 'findFields'>;

export class DevicesState {
  readonly entries: readonly DeviceEntry[];
  readonly fields: FieldNodes;
  readonly #devices: readonly StructureNode[];

  /** Index of the device that is looked at; −1: there is none. */
  at = $state(-1);
  filter = $state('');
  open = $state.raw<ReadonlySet<string>>(new Set());

  readonly current: DeviceEntry | null = $derived.by(() => this.entries[this.at] ?? null);
  /** Registers of the CPU that is looked at, as far as they have come; null for other devices. */
  readonly registers: readonly StructureNode[] | null = $derived.by(() => {
    const id = this.current?.registers ?? null;
    return id === null ? null : (this.fields.loaded.get(id)?.nodes ?? []);
  });
  /** Fields of the device, or of all devices those that have the text. */
  readonly rows: readonly TreeRow[] = $derived.by(() => {
    const { filter, current } = this;
    if (filter.trim() !== '') return filteredRows(this.#devices, filter, this.fields.found?.found ?? []);
    return current === null ? [] : treeRows(this.#roots(current), this.open, null, this.fields.loaded);
  });

  constructor(
    port: FieldPort,
    roots: readonly StructureNode[],
    report: Pick<InspectReport, 'sections'> | null,
    fail: (error: unknown) => void,
  ) {
    this.entries = deviceEntries(roots, report);
    this.#devices = devicesNode(roots)?.children ?? [];
    this.fields = new FieldNodes(port, fail);
  }

  /** Looks at a device: its fields, and a CPU's registers, are asked for the first time. */
  select(index: number): void {
    const entry = this.entries[index];
    if (entry === undefined) return;
    this.at = index;
    const { data, registers } = entry;
    if (registers !== null) void this.fields.load(registers);
    if (data?.lazy === true) void this.fields.load(data.id);
  }

  /** The fields that have come; of a device that nobody describes, what its section consists of. */
  #roots({ node, data }: DeviceEntry): readonly StructureNode[] {
    if (data?.lazy !== true) return node.children;
    const come = this.fields.loaded.get(data.id);
    return come === undefined ? [] : comeChildren(data, come);
  }

  toggle({ id, lazy }: StructureNode, open: boolean): void {
    if (open && lazy === true) void this.fields.load(id);
    const nodes = new Set(this.open);
    if (open) nodes.add(id);
    else nodes.delete(id);
    this.open = nodes;
  }

  /** Of a row that stands for more fields: asks for them and answers true. */
  loadMore(id: string): boolean {
    const parent = parentOfMore(id);
    if (parent !== null) void this.fields.loadMore(parent);
    return parent !== null;
  }
}
