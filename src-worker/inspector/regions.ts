import { bitmapOf } from '@shared/mapped-ram/byte-order';
import { BitmapReader } from './bitmap';
import type { PageRegion } from './segments';
import type { OpenSnapshot } from '../snapshot/open';

/** A block's pages and the bitmap that tells which are present. */
export interface InspectorRegion extends PageRegion {
  readonly bits: BitmapReader;
}

/**
 * The page regions of a snapshot, in file order. None when the byte order of the bitmaps cannot be told: a page's state
 * would be a guess then.
 */
export function pageRegions({ source, stream, order }: OpenSnapshot): readonly InspectorRegion[] {
  if (order === 'unknown') return [];
  const regions = stream.ramBlocks.flatMap((block): InspectorRegion[] => {
    const { name, header } = block;
    // A bitmap that lies past the end of the file tells nothing of its pages either.
    if (header?.mapped == null || bitmapOf(block, stream.size) === null) return [];
    const { pageSize, pagesTotal, mapped } = header;
    const place = {
      offset: mapped.bitmap.offset,
      pages: pagesTotal,
      order: order === 'big' ? order : 'little',
    } as const;
    const bits = new BitmapReader(source, place);
    return [{ block: name, pageSize, pagesOffset: mapped.pages.offset, pagesTotal, bits }];
  });
  return regions.sort((a, b) => a.pagesOffset - b.pagesOffset);
}
