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
  readonly guestPhysical: number | null;
  readonly fileOffset: number;
  readonly present: boolean;
}
