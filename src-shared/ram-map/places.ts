/** Between places in RAMBlocks and guest-physical addresses, by a RAM map. */
import type { RamRange } from '../contracts/library';

/** Guest-physical address of a byte of a block: of its first mapping where there are several; null where it has none. */
export function guestPhysicalOf(map: readonly RamRange[], block: string, offset: number): number | null {
  const range = map.find(
    (one) => one.block === block && offset >= one.blockOffset && offset < one.blockOffset + one.length,
  );
  return range === undefined ? null : range.guestPhysical + (offset - range.blockOffset);
}

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
