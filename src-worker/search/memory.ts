/** The one memory that a search reads pages into and runs its kernels over. */
import { READ_PAST } from './kernels';

/** Bytes read at a time: they stay in a CPU's second-level cache until they were searched. */
export const CHUNK_BYTES = 512 * 1024;
const WASM_PAGE = 64 * 1024;

/** A WASM memory in which room is taken from the front; it never grows. */
export class SearchMemory {
  readonly memory: WebAssembly.Memory;
  readonly bytes: Uint8Array;
  /** Where the bytes of a chunk are put; a page boundary. `headBytes` before it are free for what goes before a chunk. */
  readonly chunk: number;
  #used: number;

  /** `extraBytes`: what will be taken besides the chunk. */
  constructor(headBytes: number, extraBytes: number) {
    // Never at 0, which the kernels take for "nowhere".
    this.chunk = Math.max(1, Math.ceil(headBytes / WASM_PAGE)) * WASM_PAGE;
    this.#used = this.chunk + CHUNK_BYTES + READ_PAST;
    const pages = Math.ceil((this.#used + extraBytes + WASM_PAGE) / WASM_PAGE);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.bytes = new Uint8Array(this.memory.buffer);
  }

  /** Takes `length` bytes, zeroed, at a multiple of 16. */
  take(length: number): number {
    const at = Math.ceil(this.#used / 16) * 16;
    if (at + length > this.bytes.length) throw new RangeError(`no room for ${length} bytes at ${at}`);
    this.#used = at + length;
    return at;
  }

  /** The 32-bit words at a place that `take` gave. */
  words(at: number, count: number): Uint32Array {
    return new Uint32Array(this.memory.buffer, at, count);
  }

  view(at: number, length: number): Uint8Array {
    return this.bytes.subarray(at, at + length);
  }
}
