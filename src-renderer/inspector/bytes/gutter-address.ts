/** What stands beside a row. */
import type { RamRange } from '@shared/contracts/library';
import { guestPhysicalOf } from '@shared/ram-map/places';
import type { Gutter } from './hex-look.svelte';
import type { Row } from './rows';

/** The address of a row in the gutter's kind; null where it has none. */
export function gutterAddress(row: Row, gutter: Gutter, ramMap: readonly RamRange[]): number | null {
  const start = row.kind === 'bytes' ? row.base : row.from;
  if (gutter === 'file') return start;
  const { pages } = row.segment;
  if (pages === null || start < pages.pagesOffset) return null;
  const inBlock = start - pages.pagesOffset;
  return gutter === 'block' ? inBlock : guestPhysicalOf(ramMap, pages.block, inBlock);
}
