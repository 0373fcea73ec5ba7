import type { SaveProgress } from '@shared/contracts/saves';

/** One point of the throughput chart. Rates in bytes per second. */
export interface Sample {
  readonly ms: number;
  readonly written: number;
  readonly dirtied: number | null;
}

const MOST = 600;

/** Adds a point while memory is written; when there are too many, every second one goes, so that the whole save stays in view. */
export function withSample(samples: readonly Sample[], progress: SaveProgress): readonly Sample[] {
  if (progress.phase !== 'writing' || progress.elapsedMs <= (samples.at(-1)?.ms ?? -1)) return samples;
  const sample: Sample = {
    ms: progress.elapsedMs,
    written: progress.bytesPerSecond,
    // A guest that stands still dirties nothing: no line instead of one at 0.
    dirtied: progress.guest === 'running' ? progress.dirtyBytesPerSecond : null,
  };
  const kept = samples.length >= MOST ? samples.filter((_, index) => index % 2 === 0) : samples;
  return [...kept, sample];
}

/** Where each of QEMU's passes began, in milliseconds since the save began; channels go over memory once, so none for them. */
export function passStarts(progress: SaveProgress): readonly { readonly number: number; readonly ms: number }[] {
  if (progress.plan?.engine === 'channels') return [];
  let ms = progress.phaseMs.preparing;
  return progress.passes.map((pass) => {
    const start = { number: pass.number, ms };
    ms += pass.milliseconds;
    return start;
  });
}

/** Ends of an axis and the step between its lines, both for powers of ten. */
const ROUND = [
  [1, 0.2],
  [1.2, 0.3],
  [1.5, 0.3],
  [2, 0.5],
  [2.5, 0.5],
  [3, 0.5],
  [4, 1],
  [5, 1],
  [6, 1],
  [8, 2],
  [10, 2],
] as const;

/** The round number at or above `value`, and the step that divides it. */
export function axis(value: number, least: number): { readonly top: number; readonly step: number } {
  const wanted = Math.max(value, least);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const [top, step] = ROUND.find(([factor]) => factor * power >= wanted * 0.9999) ?? [10, 2];
  return { top: top * power, step: step * power };
}
