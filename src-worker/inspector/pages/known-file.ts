/** The file that is inspected, as far as its pages go: a BlockFacts for each block, made when it is first asked for. */
import { swapWords } from '@shared/bytes/bits';
import { byteCount, fileOffset } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/lease';
import { openLease, type FileSource } from '../../io/lease';
import { openSnapshot } from '../../snapshot/open';
import { pageRegions, type InspectorRegion } from '../regions';
import { bitWords, clearBits } from './bits';
import { BlockFacts } from './block-facts';

/** Most pages of all blocks that are kept in memory: 512 GiB of 4 KiB, at 2 … 6 bits and a byte each. */
const MOST_PAGES = 2 ** 27;
/** Bytes of a bitmap that are read at once. */
const CHUNK_BYTES = 1024 * 1024;

export const DOING = 'looking at pages';

export class KnownFile {
  readonly source: FileSource;
  readonly #regions: readonly InspectorRegion[];
  readonly #blocks = new Map<string, Promise<BlockFacts>>();

  private constructor(source: FileSource, regions: readonly InspectorRegion[]) {
    this.source = source;
    this.#regions = regions;
  }

  /** Rejects as `openSnapshot` does. */
  static async open(lease: Lease): Promise<KnownFile> {
    const source = await openLease(lease);
    try {
      const regions = pageRegions(await openSnapshot(source, { streamOffset: lease.streamOffset }));
      return new KnownFile(source, regions);
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /** Rejects with `usage` when there is no such block with pages, `format.unsupported` when it has too many. */
  block(name: string): Promise<BlockFacts> {
    const known = this.#blocks.get(name);
    if (known !== undefined) return known;
    const region = this.#regions.find(({ block }) => block === name);
    if (region === undefined) return Promise.reject(this.#noBlock(name));
    if (!this.#kept().includes(region)) return Promise.reject(this.#tooLarge(region));
    const block = load(this.source, region);
    this.#blocks.set(name, block);
    // What could not be read may be asked for again.
    block.catch(() => this.#blocks.delete(name));
    return block;
  }

  /** All blocks whose pages are kept, in file order. */
  blocks(): Promise<readonly BlockFacts[]> {
    return Promise.all(this.#kept().map(({ block }) => this.block(block)));
  }

  close(): Promise<void> {
    return this.source.close();
  }

  /** Blocks in file order as far as memory goes; of two that have one name (a hostile file) the first. */
  #kept(): readonly InspectorRegion[] {
    let room = MOST_PAGES;
    const names = new Set<string>();
    return this.#regions.filter(({ block, pagesTotal }) => {
      if (names.has(block) || pagesTotal > room) return false;
      names.add(block);
      room -= pagesTotal;
      return true;
    });
  }

  #noBlock(name: string): Error {
    const names = this.#regions.map(({ block }) => block).join(', ');
    const todo = names === '' ? 'No block of it has pages that can be told.' : `It has: ${names}.`;
    const what = `there is no RAM block ${name} with pages in this file`;
    return fail('usage', DOING, what, todo, { where: { path: this.source.name } });
  }

  #tooLarge({ block, pagesTotal }: InspectorRegion): Error {
    const what = `${block} has ${pagesTotal} pages; of all blocks together, ${MOST_PAGES} are kept in memory`;
    const todo = 'Look at its bytes instead: they are read where they are shown.';
    return fail('format.unsupported', DOING, what, todo, { where: { path: this.source.name } });
  }
}

async function load(
  source: FileSource,
  { block, pageSize, pagesOffset, pagesTotal, bits }: InspectorRegion,
): Promise<BlockFacts> {
  const words = bitWords(pagesTotal);
  const bytes = new Uint8Array(words.buffer);
  for (let at = 0; at < bytes.length;) {
    const from = fileOffset(bits.place.offset + at);
    const extent = await source.extentAt(from);
    const hole = extent?.kind === 'hole' ? extent.length - (extent.length % 8) : 0;
    const length = Math.min(bytes.length - at, hole > 0 ? hole : CHUNK_BYTES);
    if (hole === 0) {
      const read = await source.read(from, byteCount(length));
      bytes.set(bits.place.order === 'little' ? read : swapWords(read), at);
    }
    at += length;
  }
  // Bits past the block's last page are 0 in a good file.
  clearBits(words, pagesTotal, words.length * 32);
  return new BlockFacts({ name: block, pages: pagesTotal, pageSize, pagesOffset }, words);
}
