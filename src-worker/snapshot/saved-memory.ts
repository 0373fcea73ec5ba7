import { byteCount, fileOffset, pageIndex, type GuestPhysical } from '@shared/bytes/units';
import type { RamRange } from '@shared/contracts/library';
import type { GuestMemory } from '@shared/guest/walk';
import { isPresent, requireMapped, type MappedBlock } from './locate';
import type { OpenSnapshot } from './open';

/** Pages that are kept: page tables are read again and again. */
const PAGES_KEPT = 1024;

/** A place in a block, and where it is in the file. */
export interface MemorySpot {
  readonly block: MappedBlock;
  readonly page: number;
  readonly inPage: number;
  readonly fileOffset: number;
}

/** Guest-physical memory of a mapped-ram file. A page that is not present is zeros, whatever the file has there. */
export class SavedMemory implements GuestMemory {
  readonly #pages = new Map<number, Promise<Uint8Array>>();

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

  /** Table entries are aligned, so what is asked for lies in one page. */
  async read(address: GuestPhysical, length: number): Promise<Uint8Array | null> {
    const spot = this.spot(address);
    if (spot === null || spot.inPage + length > spot.block.header.pageSize) return null;
    const page = await this.#page(spot);
    return page.subarray(spot.inPage, spot.inPage + length);
  }

  #page(spot: MemorySpot): Promise<Uint8Array> {
    const start = spot.fileOffset - spot.inPage;
    const kept = this.#pages.get(start);
    if (kept !== undefined) return kept;
    if (this.#pages.size >= PAGES_KEPT) {
      const [oldest] = this.#pages.keys();
      if (oldest !== undefined) this.#pages.delete(oldest);
    }
    const reading = this.#readPage(spot, start);
    this.#pages.set(start, reading);
    return reading;
  }

  async #readPage(spot: MemorySpot, start: number): Promise<Uint8Array> {
    const { pageSize } = spot.block.header;
    const page = new Uint8Array(pageSize);
    if (await this.isPresent(spot)) page.set(await this.snapshot.source.read(fileOffset(start), byteCount(pageSize)));
    return page;
  }
}
