/**
 * x86 paging: none, 32-bit, PAE, and 4 or 5 levels in long mode (Intel SDM, volume 3, chapter 5; QEMU target/i386/helper.c,
 * `x86_cpu_get_phys_page_attrs_debug`). What is present counts as mapped, whatever the access rights. Addresses are linear:
 * segment bases are not added. A guest under nested paging of its own is not looked into.
 */
import type { Registers } from '../contracts/devices';
import { readBigUint } from '../bytes/uint';
import { guestPhysical } from '../bytes/units';
import { bit, bits, clearLow, entryEnds, needed, pageSizeText, WalkNotes, type GuestMemory, type Walk } from './walk';

const CR0_PG = 31;
const CR4_PSE = 4;
const CR4_PAE = 5;
const CR4_LA57 = 12;
const EFER_LMA = 10;
const PRESENT = 0;
/** In an entry of a middle table: it is a large page. */
const LARGE = 7;
/** Address bits of a 64-bit entry: 12 … 51. */
const ADDRESS_BITS = 52;

interface Table {
  readonly name: string;
  /** The lowest bit of the virtual address that its index is made of. */
  readonly shift: number;
  readonly indexBits: number;
  readonly canBeLarge: boolean;
}

const LONG_TABLES: readonly Table[] = [
  { name: 'PML5', shift: 48, indexBits: 9, canBeLarge: false },
  { name: 'PML4', shift: 39, indexBits: 9, canBeLarge: false },
  { name: 'PDPT', shift: 30, indexBits: 9, canBeLarge: true },
  { name: 'PD', shift: 21, indexBits: 9, canBeLarge: true },
  { name: 'PT', shift: 12, indexBits: 9, canBeLarge: false },
];

const PAE_TABLES: readonly Table[] = [
  { name: 'PDPT', shift: 30, indexBits: 2, canBeLarge: false },
  { name: 'PD', shift: 21, indexBits: 9, canBeLarge: true },
  { name: 'PT', shift: 12, indexBits: 9, canBeLarge: false },
];

const SMALL_TABLES: readonly Table[] = [
  { name: 'PD', shift: 22, indexBits: 10, canBeLarge: true },
  { name: 'PT', shift: 12, indexBits: 10, canBeLarge: false },
];

/** Translates a linear address with the registers of one CPU. I/O failures reject. */
export async function walkX86(memory: GuestMemory, registers: Registers, address: bigint): Promise<Walk> {
  const [cr0, cr3, cr4] = ['cr0', 'cr3', 'cr4'].map((name) => needed(registers, name)) as [bigint, bigint, bigint];
  if (!bit(cr0, CR0_PG) || !bit(cr4, CR4_PAE) || !bit(needed(registers, 'efer'), EFER_LMA)) {
    return walkNarrow(
      memory,
      { paging: bit(cr0, CR0_PG), pae: bit(cr4, CR4_PAE), pse: bit(cr4, CR4_PSE), cr3 },
      address,
    );
  }
  const levels = bit(cr4, CR4_LA57) ? 5 : 4;
  const notes = new WalkNotes(`x86-64, ${levels} levels`);
  const width = levels === 5 ? 57 : 48;
  if (BigInt.asUintN(64, BigInt.asIntN(width, address)) !== address) {
    return notes.notMapped(`its upper bits are not all alike, so no table of ${levels} levels can hold it`);
  }
  const start = clearLow(BigInt.asUintN(ADDRESS_BITS, cr3), 12);
  return follow(memory, { tables: LONG_TABLES.slice(5 - levels), start, entryBytes: 8, large: true }, address, notes);
}

/** Outside of long mode, where an address has 32 bits. */
async function walkNarrow(
  memory: GuestMemory,
  {
    paging,
    pae,
    pse,
    cr3,
  }: { readonly paging: boolean; readonly pae: boolean; readonly pse: boolean; readonly cr3: bigint },
  address: bigint,
): Promise<Walk> {
  const notes = new WalkNotes(!paging ? 'x86, no paging' : pae ? 'x86, PAE paging' : 'x86, 32-bit paging');
  if (address >= 2n ** 32n) return notes.notMapped('addresses of this CPU have 32 bits now, and it has more');
  if (!paging) return notes.mapped(address, null);
  const start = clearLow(BigInt.asUintN(32, cr3), pae ? 5 : 12);
  const way: Way = pae
    ? { tables: PAE_TABLES, start, entryBytes: 8, large: true }
    : { tables: SMALL_TABLES, start, entryBytes: 4, large: pse };
  return follow(memory, way, address, notes);
}

interface Way {
  readonly tables: readonly Table[];
  readonly start: bigint;
  readonly entryBytes: 4 | 8;
  /** Whether large pages are switched on. */
  readonly large: boolean;
}

async function follow(memory: GuestMemory, way: Way, address: bigint, notes: WalkNotes): Promise<Walk> {
  let table = way.start;
  for (const { name, shift, indexBits, canBeLarge } of way.tables) {
    const index = Number(bits(address, shift, indexBits));
    const entryAt = guestPhysical(Number(table) + index * way.entryBytes);
    const bytes = await memory.read(entryAt, way.entryBytes);
    const entry = bytes === null ? null : readBigUint(bytes, 0, way.entryBytes, 'little');
    const step = { table: name, index, entryAt, entry };
    if (entry === null || !bit(entry, PRESENT)) {
      const leadsTo = entry === null ? 'not in RAM' : 'not present';
      notes.add({ ...step, leadsTo });
      return notes.notMapped(entryEnds({ ...step, leadsTo }, entry === null ? 'is not in RAM' : 'is not present'));
    }
    const isPage = name === 'PT' || (canBeLarge && way.large && bit(entry, LARGE));
    notes.add({ ...step, leadsTo: isPage ? `${pageSizeText(2 ** shift)} page` : 'next table' });
    if (isPage) return notes.mapped(pageOf(entry, way, shift) + bits(address, 0, shift), 2 ** shift);
    table = clearLow(BigInt.asUintN(way.entryBytes === 4 ? 32 : ADDRESS_BITS, entry), 12);
  }
  throw new Error('the last table always has pages');
}

/** The page's address out of its entry. A 4 MiB page of 32-bit paging has bits 32 … 39 of it in bits 13 … 20 (PSE-36). */
function pageOf(entry: bigint, { entryBytes }: Way, shift: number): bigint {
  if (entryBytes === 8) return clearLow(BigInt.asUintN(ADDRESS_BITS, entry), shift);
  const upper = shift === 22 ? bits(entry, 13, 8) << 32n : 0n;
  return clearLow(entry, shift) + upper;
}
