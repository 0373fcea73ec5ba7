/** Where two stretches of bytes differ. Differences that touch are one. */

/** 1 for every byte that differs; the longer one differs where the other has ended, unless it is zero there. */
export function differingBytes(a: Uint8Array, b: Uint8Array): Uint8Array {
  const differs = new Uint8Array(Math.max(a.length, b.length));
  for (let at = 0; at < differs.length; at += 1) if ((a[at] ?? 0) !== (b[at] ?? 0)) differs[at] = 1;
  return differs;
}

/**
 * Where the next difference begins behind `from`, or the one before it; null when there is none. `from` −1, or the length, is
 * outside: the first and the last difference are found from there. Inside a difference the way back leads to its own begin.
 */
export function nextDifference(differs: Uint8Array, from: number, direction: 1 | -1): number | null {
  return direction === 1 ? following(differs, from) : preceding(differs, from);
}

function following(differs: Uint8Array, from: number): number | null {
  let at = Math.max(0, from);
  if (from >= 0) while (at < differs.length && differs[at] === 1) at += 1;
  while (at < differs.length && differs[at] === 0) at += 1;
  return at < differs.length ? at : null;
}

function preceding(differs: Uint8Array, from: number): number | null {
  let at = Math.min(from, differs.length) - 1;
  while (at >= 0 && differs[at] === 0) at -= 1;
  if (at < 0) return null;
  while (at > 0 && differs[at - 1] === 1) at -= 1;
  return at;
}
