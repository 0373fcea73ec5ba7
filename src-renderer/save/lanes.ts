/** Where each channel has written, kept over the whole save: main tells only where each one is now. */
import type { ChannelLane } from '@shared/contracts/lanes';
import type { SaveProgress } from '@shared/contracts/saves';

/** Parts that the file's axis is cut into. */
export const CELLS = 240;

/** What is known of one channel. */
export interface LaneTrace {
  readonly lane: ChannelLane;
  /** Where it was last seen writing, 0 … 1 of the file. */
  readonly place: number;
  /** Bytes that it wrote in each part of the file. */
  readonly cells: readonly number[];
}

const NOWHERE: readonly number[] = new Array<number>(CELLS).fill(0);

/**
 * Adds what each channel did since the last time. It wrote its new bytes somewhere between its two places, shared with the
 * others, so they are spread over that stretch; after a jump back they end where it is now.
 */
export function withLanes(traces: readonly LaneTrace[], progress: SaveProgress): readonly LaneTrace[] {
  const { lanes = [], fileExtent = 0 } = progress;
  if (lanes.length === 0 || fileExtent <= 0) return traces;
  return lanes.map((lane, index) => {
    const before = traces[index];
    const cells = before?.cells ?? NOWHERE;
    const place = lane.position === null ? (before?.place ?? 0) : Math.min(1, lane.position / fileExtent);
    const grown = lane.bytes - (before?.lane.bytes ?? 0);
    if (grown <= 0) return { lane, place, cells };
    const dense = place - grown / fileExtent;
    const from = before === undefined ? dense : before.place;
    return { lane, place, cells: spread(cells, from < place ? from : dense, place, grown) };
  });
}

/** The cells with `bytes` more, evenly over `from` … `to`, both 0 … 1. */
function spread(cells: readonly number[], from: number, to: number, bytes: number): readonly number[] {
  const [first, last] = [Math.max(0, from) * CELLS, to * CELLS];
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
    if (bytes <= 0) return;
    const shade = Math.min(SHADES, Math.max(1, Math.ceil((bytes / whole) * SHADES - 1e-9)));
    const last = runs.at(-1);
    if (last?.to === cell && last.shade === shade) runs[runs.length - 1] = { ...last, to: cell + 1 };
    else runs.push({ from: cell, to: cell + 1, shade });
  });
  return runs;
}
