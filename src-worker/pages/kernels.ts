/** The WASM kernels over one memory: which pages hold data, and XXH3-64. Sources in kernels.wat. */
import { KERNELS_WASM } from './kernels.generated';
import { XXH3_SECRET } from './xxh3-secret';

/** Bytes of one digest. */
export const DIGEST_LENGTH = 8;

/** The shortest input of `digest`: below it XXH3 has other forms. A target page is longer. */
export const SHORTEST_DIGEST_INPUT = 241;

/** The page sizes of QEMU's targets, and what the kernel takes: 512 bytes … 64 KiB, a power of two. */
export const isKernelPageSize = (size: number): boolean =>
  size >= 512 && size <= 65536 && Number.isInteger(Math.log2(size));

export interface Kernels {
  /**
   * Which of the `count` pages of `pageSize` bytes at byte `at` of the memory hold a byte that is not zero: bit n of byte
   * n >> 3, counted from its lowest bit; bits past the last page are 0. Valid until the next call. 26 GB/s over memory.
   */
  pagesWithData(at: number, pageSize: number, count: number): Uint8Array;
  /**
   * XXH3-64, seed 0, of `length` bytes at byte `at` of the memory, as 8 little-endian bytes in `out`. 10 GB/s.
   *
   * @throws RangeError for less than `SHORTEST_DIGEST_INPUT` bytes
   */
  digest(at: number, length: number, out: Uint8Array): void;
}

type Scan = (page: number, size: number, count: number, bits: number) => number;
type Hash = (at: number, length: number, secret: number, out: number) => void;

let compiled: WebAssembly.Module | undefined;

/**
 * The kernels over `memory`. They use `scratchBytes` bytes of it at `scratchAt` for themselves; a memory that grows later
 * must not be used.
 *
 * @throws RangeError when the scratch is too small for `pages` pages
 */
export function kernelsOver(
  memory: WebAssembly.Memory,
  scratch: { readonly at: number; readonly bytes: number },
): Kernels {
  compiled ??= new WebAssembly.Module(Buffer.from(KERNELS_WASM, 'base64'));
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  const scan = exports['pagesWithData'] as Scan;
  const hash = exports['xxh3'] as Hash;
  const secretAt = scratch.at;
  const digestAt = secretAt + XXH3_SECRET.length;
  const bitsAt = digestAt + DIGEST_LENGTH;
  const room = (scratch.at + scratch.bytes - bitsAt) * 8;
  const bytes = new Uint8Array(memory.buffer);
  bytes.set(XXH3_SECRET, secretAt);
  return {
    pagesWithData(at, pageSize, count) {
      if (!isKernelPageSize(pageSize)) throw new RangeError(`a page of ${pageSize} bytes`);
      if (count > room || at + count * pageSize > bytes.length) throw new RangeError(`${count} pages at ${at}`);
      scan(at, pageSize, count, bitsAt);
      return bytes.subarray(bitsAt, bitsAt + Math.ceil(count / 8));
    },
    digest(at, length, out) {
      if (length < SHORTEST_DIGEST_INPUT || at + length > bytes.length)
        throw new RangeError(`${length} bytes at ${at}`);
      hash(at, length, secretAt, digestAt);
      out.set(bytes.subarray(digestAt, digestAt + DIGEST_LENGTH));
    },
  };
}
