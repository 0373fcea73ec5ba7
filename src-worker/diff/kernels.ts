/** The WASM kernel that compares pages. Source in kernels.wat. */
import { KERNELS_WASM } from './kernels.generated';

/** Pages are multiples of this many bytes. */
export const DIFF_STEP = 128;

/**
 * Which of `count` pages of `size` bytes at `a` and at `b` of a memory differ: a byte each at `flags`, 1 or 0. Answers how
 * many do.
 */
export type Differing = (a: number, b: number, size: number, count: number, flags: number) => number;

let compiled: WebAssembly.Module | undefined;

/** The kernel over `memory`, which must not grow later. */
export function differingOver(memory: WebAssembly.Memory): Differing {
  compiled ??= new WebAssembly.Module(Buffer.from(KERNELS_WASM, 'base64'));
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  return exports['differing'] as Differing;
}
