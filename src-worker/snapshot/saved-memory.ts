import { byteCount, fileOffset, guestPhysical, pageIndex, type GuestPhysical } from '@shared/bytes/units';
import type { RamRange } from '@shared/contracts/library';
import type { GuestMemory } from '@shared/guest/walk';
import { isPresent, requireMapped, type MappedBlock } from './locate';
import type { OpenSnapshot } from './open';

/** Pieces that are kept, since page tables are read again and again: 4 MiB. A page of a file may have 16 MiB. */
const PIECES_KEPT = 1024;
const PIECE_BYTES = 4096;

/** A place in a block, and where it is in the file. */
export interface MemorySpot {
  readonly block: MappedBlock;
  readonly page: number;
  readonly inPage: number;
  readonly fileOffset: number;
}

/** Guest-physical memory of a mapped-ram file. A page that is not present is zeros, whatever the file has there. */
export class SavedMemory implements GuestMemory {
  readonly #pieces = new Map<number, Promise<Uint8Array>>();

  constructor(
    readonly snapshot: OpenSnapshot,
    readonly ramMap: readonly RamRange[],
  ) {}

  /** null where there is no RAM. Rejects with `format.unsupported` when the block's pages have no fixed place. */
  spot(address: GuestPhysical): MemorySpot | null {
    const range = this.ramMap.find(({ guestPhysical: start, length }) => address >= start && address < start + length);
    const block = this.snapshot.stream.ramBlocks.find(({ name }) => name === range?.block);
    if (range === undefined || block === undefined) return null;
    const offset = range.blockOffset + (address - range.guestPhysical);
    if (offset >= block.usedLength) return null;
    const mapped = requireMapped(this.snapshot, block);
    const { pageSize } = mapped.header;
    const place = mapped.header.mapped.pages.offset + offset;
    return { block: mapped, page: Math.floor(offset / pageSize), inPage: offset % pageSize, fileOffset: place };
  }

  isPresent({ block, page }: MemorySpot): Promise<boolean> {
    return isPresent(this.snapshot, block, pageIndex(page));
  }

  /** Pages of the file may be smaller than what is asked for. */
  async read(address: GuestPhysical, length: number): Promise<Uint8Array | null> {
    const first = await this.#piece(address, length);
    if (first === null || first.length === length) return first;
    const bytes = new Uint8Array(length);
    bytes.set(first);
    for (let done = first.length; done < length;) {
      const piece = await this.#piece(guestPhysical(address + done), length - done);
      if (piece === null) return null;
      bytes.set(piece, done);
      done += piece.length;
    }
    return bytes;
  }

  /** What is there up to the end of the piece that is kept. */
  async #piece(address: GuestPhysical, length: number): Promise<Uint8Array | null> {
    const spot = this.spot(address);
    if (spot === null) return null;
    const pieceBytes = Math.min(PIECE_BYTES, spot.block.header.pageSize);
    const inPiece = spot.inPage % pieceBytes;
    const piece = await this.#kept(spot, spot.fileOffset - inPiece, pieceBytes);
    return piece.subarray(inPiece, Math.min(pieceBytes, inPiece + length));
  }

  #kept(spot: MemorySpot, start: number, length: number): Promise<Uint8Array> {
    const kept = this.#pieces.get(start);
    if (kept !== undefined) return kept;
    if (this.#pieces.size >= PIECES_KEPT) {
      const [oldest] = this.#pieces.keys();
      if (oldest !== undefined) this.#pieces.delete(oldest);
    }
    const reading = this.#readPiece(spot, start, length);
    this.#pieces.set(start, reading);
    return reading;
  }

  async #readPiece(spot: MemorySpot, start: number, length: number): Promise<Uint8Array> {
    const piece = new Uint8Array(length);
    if (await this.isPresent(spot)) piece.set(await this.snapshot.source.read(fileOffset(start), byteCount(length)));
    return piece;
  }
}
