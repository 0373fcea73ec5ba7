import { blockOffset, byteCount, guestPhysical } from '../bytes/units';
import type { RamRange } from '../contracts/library';

const GIB = 2 ** 30;
const ABOVE_4G = 4 * GIB;

/** A block as a stream lists it. */
export interface ListedBlock {
  readonly name: string;
  readonly usedLength: number;
}

/** Where a kind of machine has its RAM: `low` bytes at most from `base` on, the rest from 4 GiB on. */
interface Layout {
  readonly base: number;
  readonly low: (ram: number) => number;
}

/** QEMU hw/i386/pc_q35.c, pc_piix.c (machines since 2.x); hw/arm/virt.c; hw/riscv/virt.c. */
const Q35: Layout = { base: 0, low: (ram) => (ram >= 0xb0000000 ? 0x80000000 : ram) };
const PC: Layout = { base: 0, low: (ram) => (ram >= 0xe0000000 ? 0xc0000000 : ram) };
const VIRT_ARM: Layout = { base: GIB, low: (ram) => ram };
const VIRT_RISCV: Layout = { base: 0x80000000, low: (ram) => ram };

/** Names that QEMU gives to blocks that are no main memory: firmware, options, video. */
const NO_MAIN_MEMORY =
  /^(pc\.bios|pc\.rom|system\.flash\d*|virt\.flash\d*|\/rom@.*|.*\/rom@.*|.*\.rom|.*vga\.vram|.*vgamem.*|.*\.vram.*)$/;

/**
 * Where a VM of this machine type usually has its RAM, for files without a manifest; empty when that is not known. It can be
 * wrong: `max-ram-below-4g` moves the border, an AMD CPU with a lot of RAM moves what is above 1 TiB, and memory of several
 * nodes or plugged-in memory has no order that the file tells; the last is not guessed at.
 */
export function usualRamMap(machine: string | null, blocks: readonly ListedBlock[]): readonly RamRange[] {
  const main = mainBlock(blocks);
  const layout = main === null ? null : layoutOf(machine ?? '', main.name);
  if (main === null || layout === null) return [];
  const low = Math.min(main.usedLength, layout.low(main.usedLength));
  const range = (at: number, offset: number, length: number): RamRange => ({
    block: main.name,
    blockOffset: blockOffset(offset),
    guestPhysical: guestPhysical(at),
    length: byteCount(length),
  });
  const high = main.usedLength - low;
  return [range(layout.base, 0, low), ...(high > 0 ? [range(ABOVE_4G, low, high)] : [])];
}

/** The one block that is the guest's memory; null when there are several. */
function mainBlock(blocks: readonly ListedBlock[]): ListedBlock | null {
  const [only, ...more] = blocks.filter(
    ({ name, usedLength }) => !NO_MAIN_MEMORY.test(name) && usedLength > 0 && !isDeviceMemory(name),
  );
  return only !== undefined && more.length === 0 ? only : null;
}

/** Blocks of PCI devices are called by their place on the bus. */
const isDeviceMemory = (name: string): boolean => /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]\//.test(name);

function layoutOf(machine: string, block: string): Layout | null {
  if (/^(pc-)?q35(-|$)/.test(machine)) return Q35;
  if (/^pc(-i440fx)?(-|$)/.test(machine)) return PC;
  if (/^virt(-|$)/.test(machine)) return block === 'riscv_virt_board.ram' ? VIRT_RISCV : VIRT_ARM;
  return null;
}
