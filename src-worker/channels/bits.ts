/** Rows of bits as channels pass them on: bit n of byte n >> 3, counted from its lowest bit. */

export const bytesFor = (bits: number): number => Math.ceil(bits / 8);

/** The first bit from `from` to before `end` that is `wanted`; `end` when there is none. */
export function nextBit(bits: Uint8Array, from: number, end: number, wanted: boolean): number {
  const skip = wanted ? 0 : 0xff;
  for (let at = from; at < end; at++) {
    const byte = bits[at >> 3] ?? 0;
    if ((at & 7) === 0 && byte === skip) at += 7;
    else if (((byte >> (at & 7)) & 1) === (wanted ? 1 : 0)) return at;
  }
  return end;
}

/** Runs of set bits from `from` to before `end`: calls `visit(first, end)` for each, in order. */
export function eachRun(
  bits: Uint8Array,
  from: number,
  end: number,
  visit: (first: number, end: number) => void,
): void {
  for (let at = nextBit(bits, from, end, true); at < end;) {
    const stop = nextBit(bits, at, end, false);
    visit(at, stop);
    at = nextBit(bits, stop, end, true);
  }
}

/** The same with runs that stand at most `gap` bits apart taken together. */
export function eachGroup(
  bits: Uint8Array,
  from: number,
  end: number,
  gap: number,
  visit: (first: number, end: number) => void,
): void {
  let start = -1;
  let stop = -1;
  eachRun(bits, from, end, (first, behind) => {
    if (start >= 0 && first - stop > gap) {
      visit(start, stop);
      start = -1;
    }
    if (start < 0) start = first;
    stop = behind;
  });
  if (start >= 0) visit(start, stop);
}
