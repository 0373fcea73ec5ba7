/** What a stream was found to consist of: every structure with its place, in the order of the file. */
import type { Range } from '../bytes/ranges';
import type { ByteCount, FileOffset } from '../bytes/units';
import type { Problem } from '../contracts/inspect';
import type { LibvirtImage } from '../libvirt/image';
import type { MappedHeader } from '../mapped-ram/header';
import type { Layout } from './layout';
import type { Parsed } from '../bytes/table';

/** Where the stream begins and what stands before it. */
export interface Container {
  readonly kind: 'qemu' | 'libvirt';
  /** Offset of `QEVM`. */
  readonly streamOffset: FileOffset;
  /** Offset of the container's own first byte: behind zeros or a hole, or where the person said. */
  readonly start: FileOffset;
  readonly libvirt: LibvirtImage | null;
}

export interface Configuration {
  readonly record: Parsed<Layout['configuration']>;
  readonly machine: string;
  readonly capabilities: readonly string[];
  readonly targetPageBits: number | null;
  readonly uuid: Uint8Array | null;
  /** Subsections with the structures inside them. */
  readonly subsections: readonly {
    readonly record: Parsed<Layout['subsection']>;
    readonly content: readonly Parsed[];
  }[];
}

export interface RamBlock {
  readonly name: string;
  readonly usedLength: ByteCount;
  readonly record: Parsed<Layout['blockRecord']>;
  readonly hostPageSize: Parsed<Layout['blockPageSize']> | null;
  readonly address: Parsed<Layout['blockAddress']> | null;
  readonly header: MappedHeader | null;
}

/** What the page records of one RAM section hold. */
export interface PageCounts {
  readonly pages: number;
  readonly zeroPages: number;
  readonly packedPages: number;
}

interface SectionPlace {
  readonly offset: FileOffset;
  /** The section's own data, between its header and its footer. */
  readonly data: Range;
  readonly footer: Parsed<Layout['footer']> | null;
}

export type Section =
  | (SectionPlace & {
      readonly type: 'start' | 'full';
      readonly record: Parsed<Layout['sectionStart']>;
      readonly id: number;
      readonly name: string;
      /** Set for a section of RAM in a stream with page records. */
      readonly counts: PageCounts | null;
    })
  | (SectionPlace & {
      readonly type: 'part' | 'end';
      readonly record: Parsed<Layout['sectionPart']>;
      readonly id: number;
      readonly name: string;
      readonly counts: PageCounts | null;
    })
  | (SectionPlace & {
      readonly type: 'command';
      readonly record: Parsed<Layout['command']>;
      readonly name: string | null;
    });

/** The device description at the end of a stream. */
export interface Description {
  readonly record: Parsed<Layout['description']>;
  readonly text: Range;
  /** null when the text could not be read as a description (a problem says why). */
  readonly devices: readonly DeviceDescription[] | null;
  /** Target page size as the description tells it. */
  readonly pageSize: number | null;
}

/** One device of the description. */
export interface DeviceDescription {
  readonly name: string;
  readonly instance: number;
  /** Bytes of the section's data, from the sizes of its fields and subsections. */
  readonly length: number;
}

export interface ParsedStream {
  readonly name: string;
  readonly size: ByteCount;
  readonly layout: Layout;
  readonly container: Container;
  readonly header: Parsed<Layout['streamHeader']>;
  readonly configuration: Configuration | null;
  /** Total bytes of RAM that the RAM section announces; null before it was found. */
  readonly ramTotal: { readonly record: Parsed<Layout['ramWord']>; readonly bytes: number } | null;
  readonly ramBlocks: readonly RamBlock[];
  readonly sections: readonly Section[];
  /** Sections that were walked but, being too many, are not in `sections`. */
  readonly sectionsNotListed: number;
  readonly footers: boolean | null;
  readonly eof: Parsed<Layout['eof']> | null;
  readonly description: Description | null;
  /** Behind the last structure that was understood. */
  readonly end: FileOffset;
  /** Reached its EOF, and nothing promised lies past the end of the file. */
  readonly complete: boolean;
  readonly problems: readonly Problem[];
}
