/**
 * x86 paging: none, 32-bit, PAE, and 4 or 5 levels in long mode (Intel SDM, volume 3, chapter 5; QEMU target/i386/helper.c,
 * `x86_cpu_get_phys_page_attrs_debug`). What is present counts as mapped, whatever the access rights. Addresses are linear:
 * segment bases are not added. A guest under nested paging of its own is not looked into.
 */
import type { Registers } from '../contracts/devices';
import {
  namesOfBits,
  walkTree,
  type AddressSpace,
  type EntryKind,
  type TableLevel,
  type TableTree,
} from './table-tree';
import { bit, clearLow, needed, pageSizeText, WalkNotes, type GuestMemory, type Walk } from './walk';

const CR0_PG = 31;
const CR4_PSE = 4;
const CR4_PAE = 5;
const CR4_LA57 = 12;
const EFER_LMA = 10;
/** Bits of an entry's lower word. */
const PRESENT = 1;
/** In an entry of a middle table: it is a large page. */
const LARGE = 0x80;
/** Address bits of a 64-bit entry: 12 … 51. */
const ADDRESS_BITS = 52;
const HIGH_ADDRESS = 0xf_ffff;
const WORD = 2 ** 32;

const LONG_TABLES: readonly TableLevel[] = [
  { name: 'PML5', shift: 48, indexBits: 9 },
  { name: 'PML4', shift: 39, indexBits: 9 },
  { name: 'PDPT', shift: 30, indexBits: 9 },
  { name: 'PD', shift: 21, indexBits: 9 },
  { name: 'PT', shift: 12, indexBits: 9 },
];

const PAE_TABLES: readonly TableLevel[] = [
  { name: 'PDPT', shift: 30, indexBits: 2 },
  { name: 'PD', shift: 21, indexBits: 9 },
  { name: 'PT', shift: 12, indexBits: 9 },
];

const SMALL_TABLES: readonly TableLevel[] = [
  { name: 'PD', shift: 22, indexBits: 10 },
  { name: 'PT', shift: 12, indexBits: 10 },
];

interface Mode {
  readonly name: string;
  /** Bits that an address has. */
  readonly width: number;
  /** null: addresses are not translated. */
  readonly tree: TableTree | null;
}

function modeOf(registers: Registers): Mode {
  const [cr0, cr3, cr4] = ['cr0', 'cr3', 'cr4'].map((name) => needed(registers, name)) as [bigint, bigint, bigint];
  if (!bit(cr0, CR0_PG)) return { name: 'x86, no paging', width: 32, tree: null };
  const start = (width: number, low: number): number => Number(clearLow(BigInt.asUintN(width, cr3), low));
  if (!bit(cr4, CR4_PAE)) {
    const tree = treeOf(SMALL_TABLES, start(32, 12), 4, bit(cr4, CR4_PSE) ? ['PD'] : []);
    return { name: 'x86, 32-bit paging', width: 32, tree };
  }
  if (!bit(needed(registers, 'efer'), EFER_LMA)) {
    return { name: 'x86, PAE paging', width: 32, tree: treeOf(PAE_TABLES, start(32, 5), 8, ['PD']) };
  }
  const levels = bit(cr4, CR4_LA57) ? 5 : 4;
  const tree = treeOf(LONG_TABLES.slice(5 - levels), start(ADDRESS_BITS, 12), 8, ['PDPT', 'PD']);
  return { name: `x86-64, ${levels} levels`, width: levels === 5 ? 57 : 48, tree: { ...tree, above: 'repeated' } };
}

/** `large`: tables that may have large pages. */
function treeOf(levels: readonly TableLevel[], start: number, entryBytes: 4 | 8, large: readonly string[]): TableTree {
  const last = levels.at(-1);
  const mayBeLarge = new Set(levels.filter(({ name }) => large.includes(name)));
  return {
    levels,
    start,
    entryBytes,
    above: 'zeros',
    none: 'not present',
    page: ({ shift }) => `${pageSizeText(2 ** shift)} page`,
    kindOf(low, _high, level): EntryKind {
      if ((low & PRESENT) === 0) return 'none';
      return level === last || ((low & LARGE) !== 0 && mayBeLarge.has(level)) ? 'page' : 'table';
    },
    flagsOf: (low, high, kind) => [
      ...namesOfBits(low, kind === 'page' ? [...FLAGS, ...PAGE_FLAGS] : FLAGS),
      ...namesOfBits(entryBytes === 8 ? high : 0, HIGH_FLAGS),
    ],
    addressOf: entryBytes === 8 ? wideAddress : smallAddress,
  };
}

const FLAGS = [
  [PRESENT, 'present'],
  [0x2, 'writable'],
  [0x4, 'user'],
  [0x20, 'accessed'],
] as const;
const PAGE_FLAGS = [
  [0x40, 'dirty'],
  [0x100, 'global'],
] as const;
const HIGH_FLAGS = [[0x8000_0000, 'no execute']] as const;

function wideAddress(low: number, high: number, { shift }: TableLevel, kind: EntryKind): number {
  const address = (high & HIGH_ADDRESS) * WORD + low;
  return address - (address % 2 ** (kind === 'page' ? shift : 12));
}

/** A 4 MiB page of 32-bit paging has bits 32 … 39 of its address in bits 13 … 20 (PSE-36). */
function smallAddress(low: number, _high: number, { shift }: TableLevel, kind: EntryKind): number {
  if (kind === 'table' || shift === 12) return low - (low % 4096);
  return low - (low % 2 ** shift) + ((low >>> 13) & 0xff) * WORD;
}

/** Translates a linear address with the registers of one CPU. I/O failures reject. */
export async function walkX86(memory: GuestMemory, registers: Registers, address: bigint): Promise<Walk> {
  const { name, width, tree } = modeOf(registers);
  const notes = new WalkNotes(name);
  if (width === 32 && address >= 2n ** 32n) {
    return notes.notMapped('addresses of this CPU have 32 bits now, and it has more');
  }
  if (tree === null) return notes.mapped(Number(address), null);
  if (tree.above === 'repeated' && BigInt.asUintN(64, BigInt.asIntN(width, address)) !== address) {
    return notes.notMapped(`its upper bits are not all alike, so no table of ${tree.levels.length} levels can hold it`);
  }
  return walkTree(memory, tree, address, notes);
}

/** The tables that these registers of a CPU put in use. */
export function x86Space(registers: Registers): AddressSpace {
  const { tree } = modeOf(registers);
  return tree === null ? { trees: [], untranslatedBelow: WORD } : { trees: [tree], untranslatedBelow: null };
}
