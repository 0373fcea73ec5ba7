/** What the coordinator needs from around it, and what it answers. */
import type { ChannelSetup, SavedExtent } from '../contracts/channels';
import type { ChannelsProgress } from '../contracts/lanes';
import type { Channel } from './lane';
import type { PlannedExtent } from './places';

/** Time, as the runtime has it; milliseconds. */
export interface Clock {
  now(): number;
  /** Calls once, after that time; answers what calls it off. */
  after(ms: number, call: () => void): () => void;
}

/** As much of an AbortSignal as is needed: src-shared knows neither the DOM's nor Node's. */
export interface CancelSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** Who keeps account of the pages. */
export interface PageSink {
  /** An extent of a save was copied. Not called for a load. */
  saved(planned: PlannedExtent, saved: SavedExtent): void;
  /** An extent is copied again: the channel that had it may have written any part of it. */
  lost(planned: PlannedExtent): void;
}

export interface CoordinatorOptions {
  /** What the channels were opened for. */
  readonly direction: ChannelSetup['direction'];
  readonly channels: readonly Channel[];
  /** What is done, as a phrase, for failures: "copying guest memory". */
  readonly doing: string;
  readonly clock: Clock;
  /** Another opened channel for one that died; null when there is none to be had. */
  readonly replace: () => Promise<Channel | null>;
  /** At most every 100 ms, while a pass runs. */
  readonly onProgress?: (progress: ChannelsProgress) => void;
  readonly limits?: Partial<CoordinatorLimits>;
}

export interface CoordinatorLimits {
  /** Batches that a channel may have in hand. */
  readonly outstanding: number;
  /** Deaths of workers after which the copy fails. */
  readonly mostDeaths: number;
  /** A channel that needs longer for a batch is stopped, and the batch is redone. */
  readonly stallMs: number;
  /** After a failure or a cancel: how long batches in hand may take until their workers are stopped. */
  readonly graceMs: number;
  /** How long a stopped worker may take to end, which a hung disk can prevent, until nobody waits for it any more. */
  readonly abandonMs: number;
}

export const USUAL_LIMITS: CoordinatorLimits = {
  outstanding: 2,
  mostDeaths: 4,
  stallMs: 60_000,
  graceMs: 1_000,
  abandonMs: 10_000,
};

export interface PassTotals {
  readonly pages: number;
  readonly bytes: number;
  readonly ms: number;
  readonly cpuMs: number;
}
