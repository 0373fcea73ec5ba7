/** Where addresses lead that stand in the bytes in view. Implemented by src-worker/inspector. */
import type { MethodNames } from './endpoint';

/** Most addresses that one `leadsOf` call takes: no view has as many rows. */
export const MAX_LEADS = 256;

/** What a guest-virtual address leads to. */
export interface Lead {
  readonly fileOffset: number;
  readonly block: string;
  readonly page: number;
  /** Whether the page is in the file; else it is zero. */
  readonly present: boolean;
  /** The page tables allow to run what is there. */
  readonly executable: boolean;
}

export interface InspectorLeadsApi {
  /**
   * Where guest-virtual addresses (`0x` and hexadecimal) lead by the page tables of a CPU: one answer for each, null for what
   * is not mapped or is no RAM. Rejects with `usage` for arguments out of bounds, and as `translate` rejects.
   */
  leadsOf(addresses: readonly string[], cpu: number): Promise<readonly (Lead | null)[]>;
}

export const inspectorLeadsMethods: MethodNames<InspectorLeadsApi> = { leadsOf: true };
