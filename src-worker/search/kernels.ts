/** The WASM kernels of the search over one memory. Sources in kernels.wat. */
import { KERNELS_WASM } from './kernels.generated';

/** Bytes behind the end of what is searched that the kernels may read. */
export const READ_PAST = 128;

/** `scan` and `back`: how they ended. */
export const AT_END = 0;
export const NO_MORE = 1;
export const UNKNOWN_STEP = 2;

/** Words of the state that `scan` and `back` run on, as kernels.wat describes it. */
export const STATE = {
  place: 0,
  row: 1,
  matched: 2,
  table: 3,
  columns: 4,
  start: 5,
  skip: 6,
  skipTable: 7,
  anchorLength: 8,
  anchorLeast: 9,
  anchorMost: 10,
  leading: 11,
} as const;
export const STATE_WORDS = 12;

/** All numbers are places in the memory, but for lengths; kernels.wat says what they do. */
export interface SearchKernels {
  literal(
    at: number,
    end: number,
    needle: number,
    mask: number,
    length: number,
    one: number,
    two: number,
    out: number,
    most: number,
  ): number;
  scan(at: number, end: number, state: number): number;
  back(at: number, least: number, state: number): number;
}

let compiled: WebAssembly.Module | undefined;

/** The kernels over `memory`, which must not grow later. */
export function searchKernelsOver(memory: WebAssembly.Memory): SearchKernels {
  compiled ??= new WebAssembly.Module(Buffer.from(KERNELS_WASM, 'base64'));
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  return {
    literal: exports['literal'] as SearchKernels['literal'],
    scan: exports['scan'] as SearchKernels['scan'],
    back: exports['back'] as SearchKernels['back'],
  };
}
