/**
 * What the inspector asks of the worker that has the file open: renderer and worker talk over their own port, main only
 * introduces them. Implemented by src-worker/inspector.
 *
 * Every answer is bounded, whatever the file says: the limits below are part of the contract.
 */
import type { MethodNames } from './endpoint';
import type { Failure } from './failure';
import type {
  InspectReport,
  LocateQuery,
  LocateReport,
  StructureNode,
  TranslateQuery,
  TranslateReport,
} from './inspect';
import type { RamRange } from './library';

/** Most bytes that one `bytes` call answers. */
export const MAX_BYTES = 1024 * 1024;
/** Most stretches that one `stretches` call answers; together they have at most MAX_BYTES. */
export const MAX_STRETCHES = 64;
/** Most segments on either side of the asked offset that one `layout` call answers. */
export const MAX_SEGMENTS = 512;
/** Most cells that one `density` call answers. */
export const MAX_CELLS = 16_384;

/** Most nodes that one `children` call answers. */
export const MAX_CHILDREN = 500;
/** Most fields that one `findFields` call answers, and the longest text it takes. */
export const MAX_FOUND = 200;
export const MAX_TEXT = 200;

/** The opened file: what it is called, how big it is, and what it turned out to be. */
export interface InspectedFile {
  readonly name: string;
  readonly size: number;
  /** Bytes allocated on disk; null when the file system does not say. */
  readonly bytesOnDisk: number | null;
  /** null when the file is no readable stream; `failure` then says why, and its bytes can be looked at all the same. */
  readonly report: InspectReport | null;
  readonly failure: Failure | null;
  /** Guest-physical ranges; empty when they are not known. */
  readonly ramMap: readonly RamRange[];
  /** Where they are from: the snapshot's manifest, or worked out from the machine type; null when they are not known. */
  readonly ramMapFrom: 'manifest' | 'machine type' | null;
}

/** The run of pages that a segment belongs to. */
export interface PageRun {
  readonly block: string;
  readonly pageSize: number;
  /** File offset of page 0 of the block. */
  readonly pagesOffset: number;
  /** Whether the bitmap says that these pages were written. */
  readonly present: boolean;
}

/**
 * A stretch of the file within which nothing changes: allocation, whether it is a page region, and of which state.
 * Segments are maximal and do not depend on what was asked, so that they fit together whatever the order of the calls.
 */
export interface Segment {
  readonly offset: number;
  readonly length: number;
  /** `hole`: no bytes on disk; it reads as zeros. */
  readonly kind: 'data' | 'hole';
  /** null outside the page regions. */
  readonly pages: PageRun | null;
}

/** Some bytes of the file. */
export interface Stretch {
  readonly offset: number;
  readonly length: number;
}

/** Consecutive segments; they abut. */
export interface Layout {
  readonly segments: readonly Segment[];
}

/** How full cells of equal size are. */
export interface Density {
  /** Bytes of the file (or pages of the block) per cell; the last cell may stand for fewer. */
  readonly perCell: number;
  /** 0 … 255 per cell: the share that is present (pages) or allocated (bytes). */
  readonly cells: Uint8Array;
}

/** Some children of a lazy node. */
export interface Children {
  readonly nodes: readonly StructureNode[];
  /** How many it has in all. */
  readonly total: number;
}

/** A field that was looked for: the nodes that lead to it from the lazy node `parent` on, the field itself last. */
export interface FoundField {
  readonly parent: string;
  readonly chain: readonly StructureNode[];
}

export interface FoundFields {
  readonly found: readonly FoundField[];
  /** There are more than are listed. */
  readonly more: boolean;
}

export interface InspectorPort {
  file(): Promise<InspectedFile>;
  /** The structure tree, in file order; empty when the file is no readable stream. Fields of devices are lazy. */
  tree(): Promise<readonly StructureNode[]>;
  /** Children of a lazy node, or of one below it, from number `from` on. */
  children(id: string, from: number): Promise<Children>;
  /** The fields of a device around an offset, the outermost first; empty where no field is known. */
  fieldsAt(offset: number): Promise<readonly StructureNode[]>;
  /** Fields of devices, and registers, whose label or value holds the text, whatever its case. */
  findFields(text: string): Promise<FoundFields>;
  /** The file's bytes, at most MAX_BYTES; shorter only where the file ends. Holes read as zeros: ask `layout` for them. */
  bytes(offset: number, length: number): Promise<Uint8Array>;
  /** As `bytes`, of several stretches at once. */
  stretches(wanted: readonly Stretch[]): Promise<readonly Uint8Array[]>;
  /**
   * The segment that holds `offset`, up to `before` segments before it and up to `after` after it. Empty for an empty
   * file; an offset past the end counts as the last byte.
   */
  layout(offset: number, before: number, after: number): Promise<Layout>;
  /** As `stillframe locate`. */
  locate(query: LocateQuery): Promise<LocateReport>;
  /** As `stillframe locate --gva` and `--register`. */
  translate(query: TranslateQuery): Promise<TranslateReport>;
  /** Start of the nearest present page after (+1) or before (−1) the page or place at `offset`; null when there is none. */
  presentPage(offset: number, direction: 1 | -1): Promise<number | null>;
  /** Present pages of a block in at most `cells` equal cells. */
  density(block: string, cells: number): Promise<Density>;
}

/** The methods a port may be asked for, and nothing else. */
export const inspectorPortMethods = {
  file: true,
  tree: true,
  children: true,
  fieldsAt: true,
  findFields: true,
  bytes: true,
  stretches: true,
  layout: true,
  locate: true,
  translate: true,
  presentPage: true,
  density: true,
} as const satisfies MethodNames<InspectorPort>;
