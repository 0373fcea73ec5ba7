/** What `stillframe inspect` and `stillframe locate` answer, and what the inspector is built on. Implemented by src-worker/snapshot. */

export type Severity = 'error' | 'warning' | 'note';

export interface Problem {
  readonly code: string;
  readonly severity: Severity;
  readonly offset: number | null;
  readonly message: string;
}

export interface BlockReport {
  readonly name: string;
  readonly usedLength: number;
  /** The next eight are null for a block of a legacy stream or one that was skipped (x-ignore-shared). */
  readonly pageSize: number | null;
  readonly recordOffset: number;
  readonly headerOffset: number | null;
  readonly bitmapOffset: number | null;
  readonly bitmapLength: number | null;
  readonly pagesOffset: number | null;
  readonly pagesTotal: number | null;
  readonly pagesPresent: number | null;
}

export type SectionType = 'configuration' | 'start' | 'part' | 'end' | 'full' | 'command' | 'eof' | 'vmdescription';

export interface SectionReport {
  readonly type: SectionType;
  readonly id: number | null;
  readonly name: string | null;
  readonly instance: number | null;
  readonly version: number | null;
  /** Where the section's type byte is. */
  readonly offset: number;
}

export interface InspectReport {
  readonly file: string;
  readonly size: number;
  readonly container: {
    readonly kind: 'qemu' | 'libvirt';
    readonly streamOffset: number;
  };
  readonly machine: string | null;
  readonly capabilities: readonly string[];
  readonly ramBlocks: readonly BlockReport[];
  readonly sections: readonly SectionReport[];
  /** Where the JSON text is (behind the type byte and the length), and how long. */
  readonly vmDescription: { readonly offset: number; readonly length: number } | null;
  /** The stream parses to its EOF and nothing that it promises lies past the end of the file. */
  readonly complete: boolean;
  readonly problems: readonly Problem[];
}

export type LocateQuery =
  | { readonly kind: 'page'; readonly block: string; readonly page: number }
  | { readonly kind: 'offset'; readonly offset: number }
  | { readonly kind: 'gpa'; readonly gpa: number };

export interface LocateReport {
  readonly block: string;
  readonly page: number;
  /** Of the very byte asked for (of the page's first byte when a page was asked for); null when no RAM map is known. */
  readonly guestPhysical: number | null;
  /** Of the very byte asked for (of the page's first byte when a page was asked for). */
  readonly fileOffset: number;
  readonly present: boolean;
}

/** An address as the guest's programs use it, or a register that holds one, on the CPU of that number. */
export type TranslateQuery =
  /** `gva`: `0x` and hexadecimal, since it may need all 64 bits. */
  | { readonly kind: 'gva'; readonly gva: string; readonly cpu: number }
  /** As `stillframe devices` names it: `rip`, `gdt.base`, `sp`. */
  | { readonly kind: 'register'; readonly register: string; readonly cpu: number };

/** One entry of the guest's page tables. */
export interface TranslateStep {
  /** `PML4`, `PDPT`, `PD`, `PT`; `level 0` … */
  readonly table: string;
  readonly index: number;
  /** Where the entry is in the guest, and in the file; null in the file where there is no RAM. */
  readonly guestPhysical: number;
  readonly fileOffset: number | null;
  /** `0x` and hexadecimal; null where there is no RAM. */
  readonly value: string | null;
  /** `next table`, `2 MiB page`, `not present` */
  readonly leadsTo: string;
  /** What the entry allows: `present`, `writable`, `user` …; empty when it leads to nothing. */
  readonly flags: readonly string[];
}

export interface TranslateReport {
  readonly gva: string;
  readonly cpu: number;
  readonly register: string | null;
  /** `x86-64, 4 levels` */
  readonly mode: string;
  readonly steps: readonly TranslateStep[];
  readonly mapped: boolean;
  /** Why it is not mapped, as a sentence; null when it is. */
  readonly why: string | null;
  /** Bytes of the page that maps it; null without paging, or when it is not mapped. */
  readonly pageSize: number | null;
  /** The next five are null when it is not mapped; but for the first also when no RAM is there (a device is). */
  readonly guestPhysical: number | null;
  readonly block: string | null;
  readonly page: number | null;
  readonly fileOffset: number | null;
  readonly present: boolean | null;
  /** Where it is known from which guest-physical addresses have RAM: the snapshot's manifest, or what the machine type does. */
  readonly ramMapFrom: 'manifest' | 'machine type';
}

/** What a stretch of a file is. The inspector colours by it (LOOK.md, "Structure kinds"). */
export type StructureKind =
  /** Magic and version of the stream, or libvirt's save header, XML and cookie. */
  | 'container'
  | 'configuration'
  /** Framing of the RAM section: headers, total, end-of-section words, footers. */
  | 'section'
  /** A RAMBlock's record: name, used length. */
  | 'block'
  /** The 28-byte mapped-ram header. */
  | 'header'
  | 'bitmap'
  /** Bytes that belong to nothing: alignment before a block's pages, zeros before the stream. */
  | 'padding'
  | 'pages'
  /** A device's section. */
  | 'device'
  | 'command'
  | 'eof'
  | 'description'
  /** Bytes after the end of the stream. */
  | 'trailing'
  /** Bytes that could not be told apart. */
  | 'unknown';

/**
 * One stretch of the file and what is known of it. The tree covers the file: children lie inside their parent, except the
 * bitmap and pages of a hostile file, which lie where its header says. Leaves are single fields.
 */
export interface StructureNode {
  /** Unique in the tree and the same for the same file, e.g. `ram/pc.ram/header/pages offset`. */
  readonly id: string;
  readonly kind: StructureKind;
  /** `pages offset`, `pc.ram`, `SECTION_START ram` */
  readonly label: string;
  /** As a person reads it: `0x100000`, `4096`, `pc-q35-10.0`; null where there is nothing to say. */
  readonly value: string | null;
  readonly offset: number;
  readonly length: number;
  /** One sentence; empty where the label says it all. */
  readonly meaning: string;
  /** How the bytes are to be read: `u64 big-endian`, `text`, `bytes`; null for a group of fields. */
  readonly source: string | null;
  /** For a field that says where something else is: that place. */
  readonly pointsTo: { readonly offset: number; readonly length: number } | null;
  readonly children: readonly StructureNode[];
  /** Its children are not listed here: they are asked for when they are wanted (`InspectorPort.children`). */
  readonly lazy?: boolean;
}
