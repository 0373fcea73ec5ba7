import { DIGEST_BYTES } from '@shared/contracts/channels';
import { adviseHugePages, addressOf } from './libc';
import { DIGEST_LENGTH, kernelsOver, type Kernels } from '../pages/kernels';

const HUGE_PAGE = 2 * 1024 * 1024;
const PAGE = 4096;
const WASM_PAGE = 65536;
const SCRATCH = WASM_PAGE;

/**
 * The memory that a channel's I/O goes through: WebAssembly memory, so that its pages start where the machine's do and the
 * kernels work on it in place. (An ArrayBuffer of V8 stands at 16 mod 4096, which O_DIRECT refuses.)
 *
 * It stands on whole huge pages, asked for before the first touch: requests to the disk become 2–4 MiB instead of
 * 0.5–0.7 MiB, which on the disk it was measured on is 2 × faster reading and 1.6 × writing. It never grows, since that would
 * detach its views; it is touched when it is made, so that no fault falls into a copy.
 */
export class IoBuffer {
  /** The bytes; the first one stands at a multiple of 2 MiB in the address space. */
  readonly bytes: Uint8Array;
  /** The kernel was asked for huge pages and did not refuse. */
  readonly hugePages: boolean;
  /** The digest of DIGEST_BYTES zeros. */
  readonly digestOfZeros: Uint8Array;
  readonly #kernels: Kernels;

  /** `size` in bytes is rounded up to 2 MiB. */
  constructor(size: number) {
    const rounded = Math.ceil(size / HUGE_PAGE) * HUGE_PAGE;
    const pages = (rounded + HUGE_PAGE + SCRATCH) / WASM_PAGE;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const { buffer } = memory;
    const start = addressOf(new Uint8Array(buffer));
    const base = Number((BigInt(HUGE_PAGE) - (start % BigInt(HUGE_PAGE))) % BigInt(HUGE_PAGE));
    this.bytes = new Uint8Array(buffer, base, rounded);
    this.hugePages = adviseHugePages(this.bytes);
    for (let at = 0; at < rounded; at += PAGE) this.bytes[at] = 0;
    this.#kernels = kernelsOver(memory, { at: base + rounded, bytes: SCRATCH });
    // One long call of each has the engine compile the kernels well before they are needed: V8 does so for what runs often.
    this.pagesWithData(0, PAGE, DIGEST_BYTES / PAGE);
    this.digestOfZeros = new Uint8Array(DIGEST_LENGTH);
    this.digest(0, DIGEST_BYTES, this.digestOfZeros);
  }

  /** Which of the `count` pages from byte `at` on hold data: see `Kernels.pagesWithData`. Valid until the next call. */
  pagesWithData(at: number, pageSize: number, count: number): Uint8Array {
    return this.#kernels.pagesWithData(this.bytes.byteOffset + at, pageSize, count);
  }

  /** XXH3-64 of `length` bytes from byte `at` on, as 8 little-endian bytes in `out`: see `Kernels.digest`. */
  digest(at: number, length: number, out: Uint8Array): void {
    this.#kernels.digest(this.bytes.byteOffset + at, length, out);
  }
}
