/** What `stillframe devices` and `stillframe tree` answer. Implemented by src-worker/snapshot. */
import type { Problem, StructureNode } from './inspect';

/**
 * A field as JSON: an integer is a number, or a decimal text past 2^53; bytes are a text such as `7f 00`; a structure is an
 * object; values of one name (an array's elements) are a list. As scripts/analyze-migration.py of QEMU has it.
 */
export type FieldJson =
  number | string | boolean | null | readonly FieldJson[] | { readonly [name: string]: FieldJson };

export type FieldsJson = Readonly<Record<string, FieldJson>>;

/** Segment registers and descriptor tables are groups: `registers.cs.base`. */
export type Registers = Readonly<Record<string, number | string | Readonly<Record<string, number | string>>>>;

/** A device's section of the stream. */
export interface DeviceReport {
  readonly name: string;
  readonly instance: number;
  readonly version: number;
  /** Number of the section, as footers repeat it. */
  readonly id: number;
  /** Where the section's type byte is. */
  readonly offset: number;
  /** Bytes of the section, its footer included. */
  readonly length: number;
  /** The device's own state in it: behind the section's head, before its footer. */
  readonly dataOffset: number;
  readonly dataLength: number;
  /** By name as in the VM description; subsections are among them. null when no description tells of them. */
  readonly fields: FieldsJson | null;
  /** Of a CPU whose kind is known. */
  readonly registers?: Registers;
}

/** Some devices of a file. Ask again from `next` for the rest. */
export interface DevicesPage {
  readonly devices: readonly DeviceReport[];
  readonly problems: readonly Problem[];
  /** Values in these fields. */
  readonly values: number;
  /** Number of the device to go on with; null when these are the last. */
  readonly next: number | null;
}

/** What `stillframe devices --json` prints. */
export interface DevicesReport {
  readonly devices: readonly DeviceReport[];
  /** What the description and the devices' bytes disagree about. */
  readonly problems: readonly Problem[];
}

/** The fields of some devices as tree nodes, to be put into the structure tree. Ask again from `next` for the rest. */
export interface DeviceTreesPage {
  readonly trees: readonly DeviceTree[];
  /** Nodes in these trees. */
  readonly nodes: number;
  readonly next: number | null;
}

export interface DeviceTree {
  /** Id of the node in the structure tree whose children these are. */
  readonly id: string;
  readonly children: readonly StructureNode[];
}
