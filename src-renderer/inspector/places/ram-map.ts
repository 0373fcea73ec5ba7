import type { RamRange } from '@shared/contracts/library';

/** The guest-physical address of a byte of a block; null where the map knows of none. The first of several wins. */
export function guestPhysicalOf(ramMap: readonly RamRange[], block: string, inBlock: number): number | null {
  const range = ramMap.find(
    (item) => item.block === block && inBlock >= item.blockOffset && inBlock < item.blockOffset + item.length,
  );
  return range === undefined ? null : range.guestPhysical + (inBlock - range.blockOffset);
}
