import type { SaveProgress } from '@shared/contracts/saves';

/** A pass that has not begun. */
export interface ExpectedPass {
  /** Null for the last one, in which the guest stands still. */
  readonly number: number | null;
  readonly pages: number;
  readonly bytes: number;
  readonly milliseconds: number;
}

/** QEMU's default downtime limit: what can be written in it is written with the guest stopped. */
const DOWNTIME_MS = 300;
const MOST_SHOWN = 3;

/**
 * The passes to come, if the guest goes on dirtying as it does now: each pass leaves behind what is dirtied while it is
 * written. Null when that cannot be told: no rates yet, or the guest dirties as fast as it is written.
 * An estimate from above, because pages that are dirtied twice count twice.
 */
export function expectedPasses(progress: SaveProgress): readonly ExpectedPass[] | null {
  const { bytesPerSecond, dirtyBytesPerSecond, bytesRemaining, pageSize, guest, phase, pass } = progress;
  if (phase !== 'writing') return [];
  if (guest === 'paused') return [];
  if (dirtyBytesPerSecond === null || bytesRemaining === null || bytesPerSecond <= 0) return null;
  const shrink = dirtyBytesPerSecond / bytesPerSecond;
  if (shrink >= 0.95) return null;
  const soFar = progress.passes.find(({ number }) => number === pass)?.milliseconds ?? 0;
  const toGo = (bytesRemaining / bytesPerSecond) * 1000;
  let bytes = ((soFar + toGo) / 1000) * dirtyBytesPerSecond;
  const passes: ExpectedPass[] = [];
  for (let number = pass + 1; ; number += 1) {
    const milliseconds = (bytes / bytesPerSecond) * 1000;
    const last = milliseconds <= DOWNTIME_MS;
    passes.push({ number: last ? null : number, pages: Math.round(bytes / pageSize), bytes, milliseconds });
    if (last || passes.length === MOST_SHOWN) return passes;
    bytes *= shrink;
  }
}
