/** Between places in RAMBlocks and guest-physical addresses, by a RAM map. */
import type { RamRange } from '../contracts/library';

/** Guest-physical addresses of a byte of a block, in the order of the map: a ROM may have several. */
export const guestPhysicalsOf = (map: readonly RamRange[], block: string, offset: number): readonly number[] =>
  map
    .filter((one) => one.block === block && offset >= one.blockOffset && offset < one.blockOffset + one.length)
    .map((range) => range.guestPhysical + (offset - range.blockOffset));

/** The first of them; null where it has none. */
export const guestPhysicalOf = (map: readonly RamRange[], block: string, offset: number): number | null =>
  guestPhysicalsOf(map, block, offset)[0] ?? null;

/** Which byte of which block is at a guest-physical address; null where no RAM is. */
export function placeOfAddress(
  map: readonly RamRange[],
  address: number,
): { readonly block: string; readonly offset: number } | null {
  const range = map.find((one) => address >= one.guestPhysical && address < one.guestPhysical + one.length);
  return range === undefined
    ? null
    : { block: range.block, offset: range.blockOffset + (address - range.guestPhysical) };
}
