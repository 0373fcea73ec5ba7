/** How a copy by channels goes, as a person sees it: a lane for each channel. */
import type { FileOffset } from '../bytes/units';

/**
 * `working`: it has a batch; `waiting`: it has none; `starting`: its worker died and another one starts in its place;
 * `gone`: its worker died and was not replaced.
 */
export type LaneState = 'working' | 'waiting' | 'starting' | 'gone';

/** One multifd channel. A worker that takes over from a dead one takes its lane, too. */
export interface ChannelLane {
  readonly state: LaneState;
  /** Where in the file the batch in hand, or else the last one, begins; null before the first. */
  readonly position: FileOffset | null;
  /** Bytes written (of a load: read), and pages copied, since the channels were opened. */
  readonly bytes: number;
  readonly pages: number;
  readonly bytesPerSecond: number;
  /** CPU time of its workers, milliseconds. */
  readonly cpuMs: number;
}

/** All channels of one copy. Sums count from when the channels were opened, over all passes. */
export interface ChannelsProgress {
  readonly lanes: readonly ChannelLane[];
  readonly bytes: number;
  readonly pages: number;
  readonly bytesPerSecond: number;
  readonly pagesPerSecond: number;
  /** Bytes of pages that this pass still has to look at; an upper bound of what it will write. */
  readonly bytesRemaining: number;
  readonly paused: boolean;
  /** Workers that died so far; their batches were copied again. */
  readonly deaths: number;
}
