/** Machine code read as instructions: what the inspector's Data panel asks. Implemented by src-worker/inspector/code. */
import type { MethodNames } from './endpoint';

/** Most instructions that one `disassemble` call answers. */
export const MAX_INSTRUCTIONS = 64;

/** How bytes are read as instructions. */
export const CODE_MODES = ['x86-64', 'x86-32', 'x86-16', 'aarch64'] as const;
export type CodeMode = (typeof CODE_MODES)[number];

export interface CodeQuery {
  /** Offset in the file. For AArch64 the instruction that holds it counts. */
  readonly offset: number;
  /** 1 … MAX_INSTRUCTIONS */
  readonly count: number;
  /** Whose registers decide the mode, and whose page tables count. */
  readonly cpu: number;
  /** null: as the CPU's state says. */
  readonly mode: CodeMode | null;
  /** A guest-virtual address of the offset, `0x` and hexadecimal; one that does not lead there on this CPU is not used. */
  readonly address: string | null;
}

/** Where a branch goes. */
export interface BranchTarget {
  /** `0x` and hexadecimal, of the disassembly's kind of address. */
  readonly address: string;
  /** null where it leads to nothing in the file. */
  readonly fileOffset: number | null;
}

export interface Instruction {
  readonly offset: number;
  /** Bytes; they lie one after another in the guest, in the file too unless a page ends between them. */
  readonly bytes: Uint8Array;
  /** As it is written in Intel's syntax or Arm's; `(bad)` for what is no instruction. */
  readonly text: string;
  /** null when it branches nowhere, or the address is not in the instruction. */
  readonly target: BranchTarget | null;
}

export interface Disassembly {
  readonly mode: CodeMode;
  /** What the mode follows from, as a sentence. */
  readonly why: string;
  /** What kind of address the instructions name. */
  readonly addresses: 'guest-virtual' | 'guest-physical' | 'file offset';
  readonly instructions: readonly Instruction[];
  /** Why there are fewer than were asked for, as a sentence; null when there are not. */
  readonly end: string | null;
}

export interface InspectorCodeApi {
  /** Instructions from an offset on. Holes and pages that are not in the file end them. `usage` for an offset not in the file. */
  disassemble(query: CodeQuery): Promise<Disassembly>;
}

export const inspectorCodeMethods: MethodNames<InspectorCodeApi> = { disassemble: true };
