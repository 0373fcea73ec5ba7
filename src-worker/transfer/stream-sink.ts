import type { Configuration } from '@shared/stream/model';

/** Everything in front of a stream's first section. */
export interface StreamHead {
  readonly version: 2 | 3;
  /** Null for a stream without CONFIGURATION. */
  readonly configuration: Configuration | null;
  /** Its bytes, with these capabilities instead of its own; empty for a stream without it. */
  configurationWith(capabilities: readonly string[]): Uint8Array;
}

/** A RAMBlock of the list. */
export interface ListedBlock {
  readonly name: string;
  readonly usedLength: number;
}

/** The list of RAMBlocks. */
export interface BlockList {
  /** The header of RAM's START section, byte for byte. */
  readonly opening: Uint8Array;
  readonly blocks: readonly ListedBlock[];
  /** Target page size, where the configuration tells it; null: the first page does. */
  readonly pageSize: number | null;
}

/**
 * Is told what a stream consists of, in its order: `begin`, then `copy` for sections in front of RAM, `list`, and from then on
 * pages and further sections in any order. Bytes are good during the call only.
 */
export interface StreamSink {
  begin(head: StreamHead): void;
  /** Bytes of a section that is none of RAM's, or of a footer or END of RAM's: they are kept as they are. */
  copy(bytes: Uint8Array): void;
  list(list: BlockList): void;
  /** Once, before the first page. */
  setPageSize(bytes: number): void;
  /** Bytes of pages one after another, which stand at `at` in `buffer`. Whole pages. */
  addPages(block: number, address: number, buffer: Buffer, at: number, length: number): void;
  /** A page that is `fill` throughout. */
  fillPage(block: number, address: number, fill: number): void;
}
