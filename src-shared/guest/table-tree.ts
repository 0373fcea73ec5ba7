/**
 * Page tables of any kind, described once: a walk goes down one way (`walkTree`), a list of what is mapped goes down all
 * (mapped-runs.ts). An entry is taken as its two 32-bit words, which bit operators may touch; 4-byte entries have `high` 0.
 */
import { guestPhysical } from '../bytes/units';
import { bits, entryEnds, type GuestMemory, type Walk, type WalkNotes } from './walk';

/** What an entry leads to: nothing, another table, or memory. */
export type EntryKind = 'none' | 'table' | 'page';

export interface TableLevel {
  /** `PML4`, `level 2` */
  readonly name: string;
  /** The lowest bit of the virtual address that its index is made of. */
  readonly shift: number;
  readonly indexBits: number;
}

/** One tree of tables, as the CPU reads it. */
export interface TableTree {
  /** The table that is read first, first. */
  readonly levels: readonly TableLevel[];
  /** Where the first table is. */
  readonly start: number;
  readonly entryBytes: 4 | 8;
  /** Bits above those that are translated: all 0, all 1, or each as the highest translated one. */
  readonly above: 'zeros' | 'ones' | 'repeated';
  /** Of an entry that leads to nothing: `not present`, `not valid`. */
  readonly none: string;
  /** What an entry of that level is called that leads to memory: `2 MiB page`. */
  page(level: TableLevel): string;
  kindOf(low: number, high: number, level: TableLevel): EntryKind;
  /** What an entry that leads on allows and says, a word or two each: `present`, `writable`, `no execute`. */
  flagsOf(low: number, high: number, kind: EntryKind): readonly string[];
  /** Guest-physical: of the next table, or of the page's first byte. */
  addressOf(low: number, high: number, level: TableLevel, kind: EntryKind): number;
}

/** How one set of registers translates: through trees, or not at all. */
export interface AddressSpace {
  readonly trees: readonly TableTree[];
  /** Where nothing is translated: every address below this is itself. null: the trees translate. */
  readonly untranslatedBelow: number | null;
}

/** Takes an address that the tree can hold from table to table. I/O failures reject. */
export async function walkTree(memory: GuestMemory, tree: TableTree, address: bigint, notes: WalkNotes): Promise<Walk> {
  let table = tree.start;
  for (const level of tree.levels) {
    const index = Number(bits(address, level.shift, level.indexBits));
    const entryAt = guestPhysical(table + index * tree.entryBytes);
    const bytes = await memory.read(entryAt, tree.entryBytes);
    const step = { table: level.name, index, entryAt };
    if (bytes === null) {
      const last = { ...step, entry: null, leadsTo: 'not in RAM', flags: [] };
      notes.add(last);
      return notes.notMapped(entryEnds(last, 'is not in RAM'));
    }
    const { low, high } = wordsOf(bytes, tree.entryBytes);
    const kind = tree.kindOf(low, high, level);
    const leadsTo = kind === 'none' ? tree.none : kind === 'table' ? 'next table' : tree.page(level);
    const flags = kind === 'none' ? [] : tree.flagsOf(low, high, kind);
    const done = { ...step, entry: (BigInt(high) << 32n) + BigInt(low), leadsTo, flags };
    notes.add(done);
    if (kind === 'none') return notes.notMapped(entryEnds(done, `is ${tree.none}`));
    const next = tree.addressOf(low, high, level, kind);
    if (kind === 'page') return notes.mapped(next + Number(bits(address, 0, level.shift)), 2 ** level.shift);
    table = next;
  }
  throw new Error('the last table leads to no table');
}

function wordsOf(bytes: Uint8Array, entryBytes: 4 | 8): { readonly low: number; readonly high: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { low: view.getUint32(0, true), high: entryBytes === 8 ? view.getUint32(4, true) : 0 };
}

/** Names of the bits that are set, each with its mask. */
export const namesOfBits = (word: number, names: readonly (readonly [number, string])[]): readonly string[] =>
  names.flatMap(([mask, name]) => ((word & mask) === 0 ? [] : [name]));
