import type { GuestBlock, GuestFile } from '../guest/guest-file';
import { CHUNK_BYTES, type SearchMemory } from './memory';

/** The next bytes of a block: put into the memory's chunk, or zeros of absent pages, however many. */
export interface Piece {
  readonly kind: 'bytes' | 'zeros';
  readonly length: number;
}

/** The guest's bytes from `at` on, before `stop`: at most a chunk of them, or a run of absent pages to its end. */
export function nextPiece(file: GuestFile, block: GuestBlock, memory: SearchMemory, at: number, stop: number): Piece {
  const page = Math.floor(at / block.pageSize);
  const present = block.present.next(page, Math.ceil(stop / block.pageSize), true);
  if (present > page) return { kind: 'zeros', length: Math.min(stop, present * block.pageSize) - at };
  const group = file.group(block, at, Math.min(stop, at + CHUNK_BYTES));
  const length = group.stop - at;
  file.readGroup(block, at, memory.view(memory.chunk, length));
  return { kind: 'bytes', length };
}
