/** Where a VM has its RAM, worked out from its machine type: a memory file alone does not say. */
import { blockOffset, byteCount, guestPhysical } from '@shared/bytes/units';
import type { RamRange } from '@shared/contracts/library';
import type { ParsedStream, RamBlock } from '@shared/stream/model';

const GIB = 2 ** 30;
const FOUR_GIB = 4 * GIB;
/** From here on QEMU places RAM elsewhere for guests that look like AMD's (hw/i386/pc.c, `pc_max_used_gpa`). */
const MOST_ON_PC = 1000 * GIB;
const VIRT_RAM = GIB;

/** Machine types whose layout is known: how much of that much RAM lies below 4 GiB; the rest begins at 4 GiB. */
const BELOW_4G: readonly (readonly [RegExp, (length: number) => number])[] = [
  // hw/i386/pc_q35.c, `pc_q35_init`; hw/i386/pc_piix.c, `pc_init1`; hw/i386/microvm.c, `microvm_memory_init`.
  [/^pc-q35-/, (length) => (length >= 0xb0000000 ? 0x80000000 : length)],
  [/^pc-i440fx-/, (length) => (length >= 0xe0000000 ? 0xc0000000 : length)],
  [/^microvm/, (length) => (length > 0xc0000000 ? 0xc0000000 : length)],
];

/** Between these a PC has its VGA memory instead of RAM. */
const VGA_START = 0xa0000;
const VGA_END = 0xc0000;

/**
 * The RAM map as QEMU makes it for this machine type with one RAM block and without options that move RAM
 * (`max-ram-below-4g`); empty where that is not known. Memory that was plugged in later is not in it.
 */
export function machineRamMap({ configuration, ramBlocks }: ParsedStream): readonly RamRange[] {
  const machine = configuration?.machine ?? '';
  const main = mainBlock(ramBlocks);
  if (main === null) return [];
  const { name, usedLength } = main;
  if (/^virt(-|$)/.test(machine)) return [range(name, 0, VIRT_RAM, usedLength)];
  const below = BELOW_4G.find(([type]) => type.test(machine))?.[1](usedLength);
  if (below === undefined || usedLength > MOST_ON_PC) return [];
  const low = /^pc-/.test(machine) ? aroundVga(name, below) : [range(name, 0, 0, below)];
  const high = usedLength > below ? [range(name, below, FOUR_GIB, usedLength - below)] : [];
  const bios = ramBlocks.find((block) => block.name === 'pc.bios');
  const firmware = bios === undefined ? [] : [range(bios.name, 0, FOUR_GIB - bios.usedLength, bios.usedLength)];
  return [...low, ...firmware, ...high];
}

function aroundVga(name: string, length: number): readonly RamRange[] {
  if (length <= VGA_START) return [range(name, 0, 0, length)];
  return [range(name, 0, 0, VGA_START), range(name, VGA_END, VGA_END, length - VGA_END)];
}

function range(block: string, inBlock: number, address: number, length: number): RamRange {
  return {
    block,
    blockOffset: blockOffset(inBlock),
    guestPhysical: guestPhysical(address),
    length: byteCount(length),
  };
}

/** The names that machine types give their RAM. */
const MAIN = new Set(['pc.ram', 'microvm.ram', 'mach-virt.ram']);
/** Blocks of devices and firmware; a memory backend's own name has no dot, or begins with `/objects/`. */
const OF_DEVICE = /^(?!\/objects\/).*[./]/;

/** The one block that is the VM's RAM; null when there may be several (NUMA nodes, memory that was plugged in). */
function mainBlock(blocks: readonly RamBlock[]): RamBlock | null {
  const backends = blocks.filter(({ name }) => MAIN.has(name) || !OF_DEVICE.test(name));
  const [only] = backends;
  if (only !== undefined && backends.length === 1) return only;
  return backends.find(({ name }) => MAIN.has(name)) ?? null;
}
