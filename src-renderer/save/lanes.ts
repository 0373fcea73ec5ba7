/** Where each channel has written, kept over the whole save: main tells only where each one is now. */
import type { SaveLane, SaveProgress } from '@shared/contracts/saves';

/** Parts that the file's axis is cut into. */
export const CELLS = 240;
/** Rates are means of this long. */
const WINDOW_MS = 2000;

/** What is known of one channel. */
export interface LaneTrace {
  readonly lane: SaveLane;
  /** Bytes that it wrote in each part of the file. */
  readonly cells: readonly number[];
  /** What it had written when, over the last seconds. */
  readonly recent: readonly { readonly ms: number; readonly bytes: number }[];
}

/**
 * Adds what each channel did since the last time. It wrote its new bytes somewhere between its two positions, shared with
 * the others, so they are spread over that stretch; after a jump back they end where it is now.
 */
export function withLanes(traces: readonly LaneTrace[], progress: SaveProgress): readonly LaneTrace[] {
  const { lanes = [], fileExtent = 0, elapsedMs } = progress;
  if (lanes.length === 0 || fileExtent <= 0) return traces;
  return lanes.map((lane) => {
    const before = traces.find((trace) => trace.lane.channel === lane.channel);
    const grown = lane.bytes - (before?.lane.bytes ?? 0);
    const at = { ms: elapsedMs, bytes: lane.bytes };
    const recent = [...(before?.recent ?? []).filter(({ ms }) => ms >= elapsedMs - WINDOW_MS), at];
    const cells = before?.cells ?? new Array<number>(CELLS).fill(0);
    if (grown <= 0) return { lane, cells, recent };
    const dense = lane.position - grown / fileExtent;
    const from = before === undefined ? dense : before.lane.position;
    return { lane, recent, cells: spread(cells, from < lane.position ? from : dense, lane.position, grown) };
  });
}

/** The cells with `bytes` more, evenly over `from` … `to`, both 0 … 1. */
function spread(cells: readonly number[], from: number, to: number, bytes: number): readonly number[] {
  const [first, last] = [Math.max(0, from) * CELLS, Math.min(1, to) * CELLS];
  const length = last - first;
  // A stretch within one cell, or none at all: everything goes to the cell in which it ends.
  if (length < 1) {
    const end = Math.max(0, Math.min(CELLS - 1, Math.ceil(last) - 1));
    return cells.map((held, cell) => (cell === end ? held + bytes : held));
  }
  return cells.map((held, cell) => {
    const part = Math.min(last, cell + 1) - Math.max(first, cell);
    return part <= 0 ? held : held + (bytes * part) / length;
  });
}

/** Bytes per second over the last seconds; null before there are two moments to compare. */
export function laneRate({ recent }: LaneTrace): number | null {
  const [first, last] = [recent[0], recent.at(-1)];
  if (first === undefined || last === undefined || last.ms <= first.ms) return null;
  return ((last.bytes - first.bytes) / (last.ms - first.ms)) * 1000;
}

/** Steps between nothing written and all of a part written. */
export const SHADES = 4;

/** A run of parts with one shade, 1 … SHADES; parts without bytes are in none. */
export interface LaneRun {
  readonly from: number;
  readonly to: number;
  readonly shade: number;
}

/** What to draw of a channel. */
export function laneRuns({ cells }: LaneTrace, fileExtent: number): readonly LaneRun[] {
  const whole = fileExtent / CELLS;
  const runs: LaneRun[] = [];
  cells.forEach((bytes, cell) => {
    const shade = bytes <= 0 ? 0 : Math.min(SHADES, Math.max(1, Math.ceil((bytes / whole) * SHADES - 1e-9)));
    const last = runs.at(-1);
    if (shade === 0) return;
    if (last?.to === cell && last.shade === shade) runs[runs.length - 1] = { ...last, to: cell + 1 };
    else runs.push({ from: cell, to: cell + 1, shade });
  });
  return runs;
}
