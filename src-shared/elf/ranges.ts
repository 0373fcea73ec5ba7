import type { RamRange } from '../contracts/library';

/** A range of guest-physical addresses and the part of a block behind it. */
export interface PhysicalRange {
  readonly guestPhysical: number;
  readonly length: number;
  readonly block: string;
  readonly blockOffset: number;
}

/**
 * The ranges of a RAM map as a core file can have them: ascending, without overlaps (what comes later in the map gives way),
 * cut to blocks that are there with that length.
 */
export function physicalRanges(
  map: readonly RamRange[],
  blockLength: (name: string) => number | null,
): readonly PhysicalRange[] {
  const ranges = map.flatMap(({ block, blockOffset, guestPhysical, length }): PhysicalRange[] => {
    const there = Math.min(length, (blockLength(block) ?? 0) - blockOffset);
    return there > 0 ? [{ guestPhysical, length: there, block, blockOffset }] : [];
  });
  let end = 0;
  return ranges
    .sort((a, b) => a.guestPhysical - b.guestPhysical)
    .flatMap(({ guestPhysical, length, block, blockOffset }): PhysicalRange[] => {
      const skipped = Math.max(0, end - guestPhysical);
      if (skipped >= length) return [];
      end = guestPhysical + length;
      return [
        {
          guestPhysical: guestPhysical + skipped,
          length: length - skipped,
          block,
          blockOffset: blockOffset + skipped,
        },
      ];
    });
}
