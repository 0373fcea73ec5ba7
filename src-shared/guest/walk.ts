/**
 * A guest-virtual address taken through the guest's own page tables, step by step. Virtual addresses and table entries are
 * bigint, since they use all 64 bits; guest-physical ones are numbers (at most 52 bits).
 */
import type { Registers } from '../contracts/devices';
import { hex, type GuestPhysical } from '../bytes/units';

/** Guest-physical memory as it was saved. Pages that were not written are zeros. */
export interface GuestMemory {
  /** Bytes at an address; null where there is no RAM, or less of it. */
  read(address: GuestPhysical, length: number): Promise<Uint8Array | null>;
}

/** One table entry on the way. */
export interface WalkStep {
  /** What the table is called: `PML4`, `level 2` … */
  readonly table: string;
  readonly index: number;
  /** Where the entry is. */
  readonly entryAt: GuestPhysical;
  /** null: it is not in RAM. */
  readonly entry: bigint | null;
  /** What it leads to, as a person reads it: `next table`, `2 MiB page`, `not present`. */
  readonly leadsTo: string;
  /** What the entry allows: `present`, `writable` …; empty when it leads to nothing. */
  readonly flags: readonly string[];
}

export interface Walk {
  /** How the CPU translates: `x86-64, 4 levels` … */
  readonly mode: string;
  readonly steps: readonly WalkStep[];
  readonly end:
    | {
        readonly kind: 'mapped';
        readonly address: number;
        /** Bytes of the page; null without paging. */
        readonly pageSize: number | null;
      }
    /** `why`: a sentence without its full stop. */
    | { readonly kind: 'not-mapped'; readonly why: string };
}

/** Writes down a walk while it is made. */
export class WalkNotes {
  readonly #steps: WalkStep[] = [];

  constructor(readonly mode: string) {}

  add(step: WalkStep): void {
    this.#steps.push(step);
  }

  mapped(address: number, pageSize: number | null): Walk {
    return { mode: this.mode, steps: this.#steps, end: { kind: 'mapped', address, pageSize } };
  }

  notMapped(why: string): Walk {
    return { mode: this.mode, steps: this.#steps, end: { kind: 'not-mapped', why } };
  }
}

/** Bits `from` … `from + count − 1`. */
export const bits = (value: bigint, from: number, count: number): bigint =>
  BigInt.asUintN(count, value >> BigInt(from));

export const bit = (value: bigint, at: number): boolean => bits(value, at, 1) === 1n;

/** `value` with its lowest `count` bits cleared. */
export const clearLow = (value: bigint, count: number): bigint => (value >> BigInt(count)) << BigInt(count);

/** A register's value; null when the CPU does not have it. */
export function registerOf(registers: Registers, name: string): bigint | null {
  const value = registers[name];
  return value === undefined || typeof value === 'object' ? null : BigInt.asUintN(64, BigInt(value));
}

/** A register that the walk cannot do without; 0 where the file does not have it. */
export const needed = (registers: Registers, name: string): bigint => registerOf(registers, name) ?? 0n;

/** `4 KiB`, `2 MiB`, `1 GiB` */
export function pageSizeText(bytes: number): string {
  const [unit, name] = bytes >= 2 ** 30 ? [2 ** 30, 'GiB'] : bytes >= 2 ** 20 ? [2 ** 20, 'MiB'] : [2 ** 10, 'KiB'];
  return `${bytes / unit} ${name}`;
}

/** Why an entry that was read ends the walk; with its place in the guest. */
export const entryEnds = ({ table, entryAt }: Pick<WalkStep, 'table' | 'entryAt'>, what: string): string =>
  `its ${table} entry at guest-physical ${hex(entryAt)} ${what}`;
