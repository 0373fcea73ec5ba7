/**
 * Every page that an AArch64 guest's tables map (4 KiB granule, 48 bits), read from its memory: QEMU's monitor cannot list
 * them. Only proposes addresses to ask QEMU about. Imports nothing from src-*.
 */
import type { PlainQemu } from './plain-qemu';
import type { MappedPage } from './guest-pages';

const RAM = 0x40000000;
const UPPER = 0xffffn << 48n;
const ADDRESS = 0x0000fffffffff000n;

/** `ttbr0` and `ttbr1`: as the guest has them. */
export async function armPages(
  vm: PlainQemu,
  ramBytes: number,
  ttbr0: bigint,
  ttbr1: bigint,
): Promise<readonly MappedPage[]> {
  const ram = await vm.readMemory(RAM, ramBytes);
  const pages: MappedPage[] = [];
  const walk = (table: bigint, level: number, base: bigint): void => {
    const at = Number(table & ADDRESS) - RAM;
    if (at < 0 || at + 4096 > ram.length) return;
    for (let index = 0; index < 512; index++) {
      const entry = ram.readBigUInt64LE(at + index * 8);
      if (entry % 2n === 0n) continue;
      const address = base + (BigInt(index) << BigInt(12 + 9 * (3 - level)));
      if (level < 3 && (entry & 2n) !== 0n) walk(entry, level + 1, address);
      else pages.push({ address, physical: entry & ADDRESS, large: level < 3, user: (entry & 0x40n) !== 0n });
    }
  };
  walk(ttbr0, 0, 0n);
  walk(ttbr1, 0, UPPER);
  return pages;
}
