import { DIGEST_BYTES } from '@shared/contracts/channels';
import type { GuestBlock, GuestFile } from '../guest/guest-file';
import { DIGEST_LENGTH, isKernelPageSize, kernelsOver, type Kernels } from '../pages/kernels';
import { lookOf } from './classify';
import { COUNTS, featuresOver, type Features } from './kernels';

/** Bytes that are read at once, unless a page is longer: they stay in a CPU's second-level cache. */
const CHUNK_BYTES = DIGEST_BYTES;
const WASM_PAGE = 64 * 1024;
/** Of the kernels of src-worker/pages. */
const SCRATCH_BYTES = WASM_PAGE;

/** Reads pages of one file into one memory and looks at them there. */
export class PageReader {
  readonly #file: GuestFile;
  readonly #chunk: Uint8Array;
  readonly #counts: Uint32Array;
  readonly #features: Features;
  readonly #kernels: Kernels;
  readonly #hash = new Uint8Array(DIGEST_LENGTH);
  readonly #hashWords = new Uint32Array(this.#hash.buffer);

  constructor(file: GuestFile) {
    this.#file = file;
    const chunk = Math.max(CHUNK_BYTES, ...file.blocks.map(({ pageSize }) => pageSize));
    const countsAt = chunk + SCRATCH_BYTES;
    const pages = Math.ceil((countsAt + COUNTS.length * 4) / WASM_PAGE);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.#chunk = new Uint8Array(memory.buffer, 0, chunk);
    this.#counts = new Uint32Array(memory.buffer, countsAt, COUNTS.length);
    this.#features = featuresOver(memory);
    this.#kernels = kernelsOver(memory, { at: chunk, bytes: SCRATCH_BYTES });
  }

  /** Throws `file.*`, as the others do. */
  looks(block: GuestBlock, first: number, end: number): Uint8Array {
    const looks = new Uint8Array(end - first);
    const { pageSize } = block;
    const zero = lookOf(new Uint32Array(COUNTS.length).fill(pageSize, COUNTS.bytes, COUNTS.bytes + 1), pageSize);
    const onPage = (page: number, at: number): void => {
      this.#features(at, pageSize, this.#counts.byteOffset);
      looks[page - first] = lookOf(this.#counts, pageSize);
    };
    this.#eachPresent(block, first, end, onPage, (page) => (looks[page - first] = zero));
    return looks;
  }

  hashes(block: GuestBlock, first: number, end: number): Uint32Array {
    const hashes = new Uint32Array((end - first) * 2);
    const { pageSize } = block;
    const onPage = (page: number, at: number): void => {
      if (!this.#hasData(at, pageSize)) return;
      this.#kernels.digest(at, pageSize, this.#hash);
      const [low = 0, high = 0] = this.#hashWords;
      // Two zeros stand for no hash.
      hashes[(page - first) * 2] = low === 0 && high === 0 ? 1 : low;
      hashes[(page - first) * 2 + 1] = high;
    };
    this.#eachPresent(block, first, end, onPage, () => undefined);
    return hashes;
  }

  digests(block: GuestBlock, first: number, end: number): Uint8Array {
    const { pageSize, present } = block;
    const [from, to] = [first * pageSize, Math.min(block.length, end * pageSize)];
    const units = Math.ceil((to - from) / DIGEST_BYTES);
    const digests = new Uint8Array(units * DIGEST_LENGTH);
    for (let unit = 0; unit < units; unit++) {
      const at = from + unit * DIGEST_BYTES;
      const stop = Math.min(to, at + DIGEST_BYTES);
      const lastPage = Math.ceil(stop / pageSize);
      if (present.next(Math.floor(at / pageSize), lastPage, true) === lastPage) continue;
      this.#file.read(block, at, this.#chunk.subarray(0, stop - at));
      const place = unit * DIGEST_LENGTH;
      this.#kernels.digest(0, stop - at, digests.subarray(place, place + DIGEST_LENGTH));
    }
    return digests;
  }

  /** Reads the present pages and tells where each stands in the memory; those in a hole are `onHole`, and not read. */
  #eachPresent(
    block: GuestBlock,
    first: number,
    end: number,
    onPage: (page: number, at: number) => void,
    onHole: (page: number) => void,
  ): void {
    const { pageSize, present } = block;
    const stop = Math.min(block.length, end * pageSize);
    for (let at = first * pageSize; at < stop;) {
      const group = this.#file.group(block, at, Math.min(stop, at + this.#chunk.length));
      const last = group.stop / pageSize;
      const hole = group.start < group.stop && this.#isHole(block, group.start, group.stop - group.start);
      if (group.start < group.stop && !hole) {
        this.#file.readGroup(block, group.start, this.#chunk.subarray(0, group.stop - group.start));
      }
      for (let page = present.next(group.start / pageSize, last, true); page < last;) {
        if (hole) onHole(page);
        else onPage(page, page * pageSize - group.start);
        page = present.next(page + 1, last, true);
      }
      at = group.stop;
    }
  }

  #isHole(block: GuestBlock, offset: number, length: number): boolean {
    const { kind, length: alike } = this.#file.allocation(block, offset, length);
    return kind === 'hole' && alike >= length;
  }

  #hasData(at: number, pageSize: number): boolean {
    const size = isKernelPageSize(pageSize) ? pageSize : 65536;
    return this.#kernels.pagesWithData(at, size, pageSize / size).some((bits) => bits !== 0);
  }
}
