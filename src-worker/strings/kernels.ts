/** The WASM kernel that finds runs of characters. Source in kernels.wat. */
import { KERNELS_WASM } from './kernels.generated';

/** Bytes behind the end that the kernel may read. */
export const READ_PAST = 128;

/** ASCII; ASCII and bytes of 0x80 and more; ASCII in UTF-16 at even and at odd distances from the first byte. */
export const KIND = { ascii: 0, high: 1, utf16Even: 2, utf16Odd: 3 } as const;

/**
 * Runs between two places of a memory, stored at `out` as first and one past the last, 4 bytes each; answers one past the
 * last that was stored. kernels.wat tells the rest.
 */
export type Runs = (at: number, end: number, kind: number, least: number, out: number) => number;

let compiled: WebAssembly.Module | undefined;

/** The kernel over `memory`, which must not grow later. */
export function runsOver(memory: WebAssembly.Memory): Runs {
  compiled ??= new WebAssembly.Module(Buffer.from(KERNELS_WASM, 'base64'));
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  return exports['runs'] as Runs;
}
