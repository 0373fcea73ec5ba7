import type { RamRange } from '@shared/contracts/library';
import type { SearchHit } from '@shared/contracts/search';
import { guestPhysicalOf } from '@shared/ram-map/places';
import type { GuestBlock, GuestFile } from '../guest/guest-file';
import type { Match } from './unit';

/** Bytes shown on either side of a hit, and most bytes of the hit itself. */
const AROUND = 16;
const MOST_SHOWN = 48;

/** A match with everything that is told of it. Reads the bytes around it. */
export function hitOf(
  file: GuestFile,
  block: GuestBlock,
  { offset, length }: Match,
  map: readonly RamRange[],
): SearchHit {
  const contextOffset = Math.max(0, offset - AROUND);
  const contextEnd = Math.min(block.length, offset + Math.min(length, MOST_SHOWN) + AROUND);
  const bytes = Buffer.alloc(contextEnd - contextOffset);
  file.read(block, contextOffset, bytes);
  const page = Math.floor(offset / block.pageSize);
  return {
    block: block.name,
    blockOffset: offset,
    page,
    guestPhysical: guestPhysicalOf(map, block.name, offset),
    fileOffset: block.pagesOffset + offset,
    present: block.present.has(page),
    length,
    context: printable(bytes),
    contextHex: bytes.toString('hex'),
    contextOffset,
  };
}

/** Bytes as characters: printable ASCII as it is, everything else as a dot. */
export const printable = (bytes: Buffer): string => bytes.toString('latin1').replace(/[^ -~]/g, '.');
