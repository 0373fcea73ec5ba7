/**
 * AArch64 translation, stage 1 (Arm ARM, D8 “The AArch64 Virtual Memory System Architecture”; QEMU target/arm/ptw.c,
 * `get_phys_addr_lpae`): 4, 16 and 64 KiB granules, blocks, 48 and 52 bits. What is valid counts as mapped, whatever the
 * access rights and the access flag.
 */
import type { Registers } from '../contracts/devices';
import { fail } from '../contracts/failure';
import {
  namesOfBits,
  walkTree,
  type AddressSpace,
  type EntryKind,
  type TableLevel,
  type TableTree,
} from './table-tree';
import { bit, bits, clearLow, needed, pageSizeText, WalkNotes, type GuestMemory, type Walk } from './walk';

/** Which tables are in use, and how they are laid out, for one half of the address space. */
interface Region {
  readonly base: bigint;
  /** Bits of an address that are translated; those above them are all alike. */
  readonly inputBits: number;
  /** log2 of the granule. */
  readonly granuleBits: number;
  readonly walksOff: boolean;
  readonly topByteIgnored: boolean;
  readonly upper: boolean;
  /** Where bits 48 … 51 of an address are in a descriptor: nowhere, in 12 … 15 (LPA), or 50 … 51 in 8 … 9 (LPA2). */
  readonly wide: 'no' | 'lpa' | 'lpa2';
}

/** Translates an address as the CPU with these registers does at its current exception level. I/O failures reject. */
export async function walkAarch64(memory: GuestMemory, registers: Registers, address: bigint): Promise<Walk> {
  const regime = regimeOf(registers);
  if (!bit(needed(registers, `sctlr_${regime}`), 0)) return withoutMmu(address);
  const region = regionOf(registers, regime, bit(address, 55));
  if (region === null)
    return new WalkNotes('AArch64').notMapped('the tables for its half of the addresses are not used');
  const levels = levelsOf(region);
  const granule = pageSizeText(2 ** region.granuleBits);
  const notes = new WalkNotes(`AArch64, ${levels} levels, ${granule} granule`);
  if (region.walksOff) return notes.notMapped('walks for its half of the addresses are switched off');
  if (!isInRegion(region, address))
    return notes.notMapped('it lies between the lower and the upper half of the addresses');
  return walkTree(memory, treeOf(region), address, notes);
}

/** The tables that these registers of a CPU put in use: those of the kernel's half first. */
export function aarch64Space(registers: Registers): AddressSpace {
  const regime = regimeOf(registers);
  if (!bit(needed(registers, `sctlr_${regime}`), 0)) return { trees: [], untranslatedBelow: MOST_PHYSICAL };
  // A regime with one half answers with that one whichever is asked for.
  const regions = [true, false].flatMap((upper) => {
    const region = regionOf(registers, regime, upper);
    return region === null || region.walksOff || region.upper !== upper ? [] : [region];
  });
  return { trees: regions.map(treeOf), untranslatedBelow: null };
}

const MOST_PHYSICAL = 2 ** 52;

type Regime = 'el1' | 'el2';

/** Whose tables translate: those of EL1 also at EL0, those of EL2 there and at EL0 of a host with VHE. */
function regimeOf(registers: Registers): Regime {
  const pstate = registers['pstate'] === undefined ? needed(registers, 'cpsr') : needed(registers, 'pstate');
  const hcr = needed(registers, 'hcr_el2');
  const level = Number(bits(pstate, 2, 2));
  if (bit(pstate, 4) && bits(pstate, 0, 4) !== 0n) throw unsupported('this CPU runs 32-bit code in a privileged mode');
  if (level === 3) throw unsupported('this CPU is at EL3');
  if (level === 2 || (level === 0 && bit(hcr, HCR_E2H) && bit(hcr, HCR_TGE))) return 'el2';
  if (bit(hcr, HCR_VM)) throw unsupported('this CPU runs a guest of its own, whose addresses are translated twice');
  return 'el1';
}

const HCR_VM = 0;
const HCR_TGE = 27;
const HCR_E2H = 34;

const unsupported = (what: string): Error =>
  fail('format.unsupported', 'translating an address', what, 'Use a guest-physical address.');

function withoutMmu(address: bigint): Walk {
  const notes = new WalkNotes('AArch64, MMU off');
  return address < BigInt(MOST_PHYSICAL)
    ? notes.mapped(Number(address), null)
    : notes.notMapped('it has more bits than a physical address');
}

/** Fields of TCR_ELx for the lower half and the upper one. */
const HALVES = {
  lower: { size: 0, off: 7, granule: 14, ignore: 37, granules: [12, 16, 14] },
  upper: { size: 16, off: 23, granule: 30, ignore: 38, granules: [null, 14, 12, 16] },
} as const;

/** `wantsUpper`: for addresses whose bit 55 is set; a regime with one half ignores it. null: the half is not in use. */
function regionOf(registers: Registers, regime: Regime, wantsUpper: boolean): Region | null {
  const tcr = needed(registers, `tcr_${regime}`);
  const hasHalves = regime === 'el1' || bit(needed(registers, 'hcr_el2'), HCR_E2H);
  const upper = hasHalves && wantsUpper;
  const half = upper ? HALVES.upper : HALVES.lower;
  const granuleBits = half.granules[Number(bits(tcr, half.granule, 2))];
  const inputBits = 64 - Number(bits(tcr, half.size, 6));
  if (granuleBits === undefined || granuleBits === null || inputBits <= granuleBits || inputBits > 52) return null;
  const outputSize = Number(bits(tcr, hasHalves ? 32 : 16, 3));
  const lpa2 = granuleBits !== 16 && bit(tcr, hasHalves ? 59 : 32);
  return {
    base: needed(registers, `ttbr${upper ? 1 : 0}_${regime}`),
    inputBits,
    granuleBits,
    walksOff: hasHalves && bit(tcr, half.off),
    topByteIgnored: bit(tcr, hasHalves ? half.ignore : 20),
    upper,
    wide: lpa2 ? 'lpa2' : granuleBits === 16 && outputSize === 6 ? 'lpa' : 'no',
  };
}

/** Of 4 KiB tables with 48 bits: 4. */
const levelsOf = ({ inputBits, granuleBits }: Region): number =>
  Math.ceil((inputBits - granuleBits) / (granuleBits - 3));

function isInRegion({ inputBits, topByteIgnored, upper }: Region, address: bigint): boolean {
  const above = (topByteIgnored ? 56 : 64) - inputBits;
  return bits(address, inputBits, above) === (upper ? 2n ** BigInt(above) - 1n : 0n);
}

/** Bits of a descriptor's lower word. */
const VALID = 1;
const TABLE = 2;
const LAST_LEVEL = 3;
const WORD = 2 ** 32;

function treeOf(region: Region): TableTree {
  const { granuleBits, inputBits, upper } = region;
  const stride = granuleBits - 3;
  const first = LAST_LEVEL + 1 - levelsOf(region);
  const levels = Array.from({ length: LAST_LEVEL + 1 - first }, (_, at): TableLevel => {
    const shift = granuleBits + stride * (LAST_LEVEL - first - at);
    return { name: `level ${first + at}`, shift, indexBits: at === 0 ? inputBits - shift : stride };
  });
  const last = levels.at(-1);
  const blocks = new Set(levels.filter((_, at) => first + at < LAST_LEVEL && blocksAt(region, first + at)));
  return {
    levels,
    start: Number(tableBase(region, inputBits - (granuleBits + stride * (LAST_LEVEL - first)) + 3)),
    entryBytes: 8,
    above: upper ? 'ones' : 'zeros',
    none: 'not valid',
    page: (level) => `${pageSizeText(2 ** level.shift)} ${level === last ? 'page' : 'block'}`,
    kindOf(low, _high, level): EntryKind {
      if ((low & VALID) === 0) return 'none';
      if ((low & TABLE) !== 0) return level === last ? 'page' : 'table';
      return blocks.has(level) ? 'page' : 'none';
    },
    flagsOf: (low, high, kind) => (kind === 'page' ? pageFlags(low, high) : ['valid']),
    addressOf(low, high, level, kind) {
      const address = outputOf(region, low, high);
      return kind === 'page' ? address - (address % 2 ** level.shift) : address;
    },
  };
}

/** AP[2:1] as for EL1 and EL0, AF, nG, and the two that forbid to execute. */
const pageFlags = (low: number, high: number): readonly string[] => [
  'valid',
  (low & 0x80) === 0 ? 'writable' : 'read-only',
  ...namesOfBits(low, [
    [0x40, 'user'],
    [0x400, 'accessed'],
    [0x800, 'not global'],
  ]),
  ...namesOfBits(high, [
    [0x20_0000, 'no execute in the kernel'],
    [0x40_0000, 'no execute in processes'],
  ]),
];

/** Levels at which a descriptor may be a block (QEMU, `lpae_block_desc_valid`). */
function blocksAt({ granuleBits, wide }: Region, level: number): boolean {
  if (level === 2) return true;
  if (level === 1) return granuleBits === 12 || wide !== 'no';
  return level === 0 && granuleBits === 12 && wide === 'lpa2';
}

/** The first table, which has 2 to the power of `lengthBits` bytes and is aligned to them. */
function tableBase({ base, wide }: Region, lengthBits: number): bigint {
  const low = clearLow(BigInt.asUintN(48, base), Math.max(lengthBits, 3));
  return wide === 'no' ? low : clearLow(low, 6) + (bits(base, 2, 4) << 48n);
}

/** The address in a descriptor. */
function outputOf({ granuleBits, wide }: Region, low: number, high: number): number {
  const lowest = low - (low % 2 ** granuleBits);
  if (wide === 'lpa2') return (high & 0x3_ffff) * WORD + lowest + ((low >>> 8) & 3) * 2 ** 50;
  const address = (high & 0xffff) * WORD + lowest;
  return wide === 'lpa' ? address + ((low >>> 12) & 15) * 2 ** 48 : address;
}
