import type { Extent } from '@shared/bytes/source';
import { byteCount, type FileOffset } from '@shared/bytes/units';

/** The calls of lseek(2) that tell data from holes, on one file. */
export interface HoleSeeker {
  /** Where data begins at or behind `offset`; null when none does before the end. */
  seekData(offset: number): number | null;
  /** Where a hole begins at or behind `offset`, there being one at the end; null at or past the end. */
  seekHole(offset: number): number | null;
  size(): number;
}

/**
 * The stretch from `offset` on that is all data, or all hole, to its end; null at or past the end of the file.
 *
 * Two calls tell it, and a file may be written between them, as a running guest's memory is: what was a hole at the first is
 * data at the second. Then it is asked again; an end of file it is not.
 */
export function extentFrom(file: HoleSeeker, offset: FileOffset): Extent | null {
  for (;;) {
    const hole = file.seekHole(offset);
    if (hole === null) return null;
    if (hole > offset) return { kind: 'data', offset, length: byteCount(hole - offset) };
    const end = file.seekData(offset) ?? file.size();
    if (end > offset) return { kind: 'hole', offset, length: byteCount(end - offset) };
    if (offset >= file.size()) return null;
  }
}
