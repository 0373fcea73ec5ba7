import type { BlockRange } from '@shared/contracts/search';
import type { GuestFile } from '../guest/guest-file';
import type { UnitRange } from './unit';

/** The ranges that are asked for, within their blocks; null: all of every block. Throws `usage` for a block that is not there. */
export function unitRanges(file: GuestFile, ranges: readonly BlockRange[] | null, doing: string): readonly UnitRange[] {
  if (ranges === null) return file.blocks.map((block) => ({ block, start: 0, end: block.length }));
  return ranges.map(({ block: name, start, end }) => {
    const block = file.block(name, doing);
    return { block, start: Math.min(start, block.length), end: Math.min(end, block.length) };
  });
}
