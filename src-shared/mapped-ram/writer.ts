/** The bytes of a mapped-ram header, from the table that the parser reads by. */
import { encodeStruct } from '../bytes/encode';
import { MAPPED_RAM_HEADER, MAPPED_RAM_VERSION } from './layout';
import type { PlacedBlock } from './plan';

/** The header of a block that was placed. */
export const encodeMappedHeader = ({ pageSize, bitmap, pagesOffset }: PlacedBlock): Uint8Array =>
  encodeStruct(MAPPED_RAM_HEADER, {
    version: MAPPED_RAM_VERSION,
    'page size': pageSize,
    'bitmap offset': bitmap.offset,
    'pages offset': pagesOffset,
  });
