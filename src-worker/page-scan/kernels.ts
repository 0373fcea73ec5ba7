/** The WASM kernel that counts what stands in a page. Source in kernels.wat. */
import { KERNELS_WASM } from './kernels.generated';

/** 32-bit counts that the kernel leaves: where each begins, and how many there are. */
export const COUNTS = {
  /** Bytes by value, of all places. */
  bytes: 1024,
  /** The same of every fourth place, the last byte of each 32-bit word: the upper one in a little-endian guest. */
  upperBytes: 768,
  /** 64-bit words that are not zero; that can be addresses; that can be entries of page tables. */
  words: 1280,
  addresses: 1281,
  entries: 1282,
  /** Pairs of bytes that begin an instruction of x86-64. */
  pairs: 1283,
  length: 1284,
} as const;

/** Looks at `size` bytes at `at`, a multiple of 16, and leaves `COUNTS.length` counts at `out`, a multiple of 4. */
export type Features = (at: number, size: number, out: number) => void;

let compiled: WebAssembly.Module | undefined;

/** The kernel over `memory`, which must not grow later. */
export function featuresOver(memory: WebAssembly.Memory): Features {
  compiled ??= new WebAssembly.Module(Buffer.from(KERNELS_WASM, 'base64'));
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  return exports['features'] as Features;
}
