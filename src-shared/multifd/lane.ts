/** One channel's place in a copy: what it has in hand, how fast it is, what it did. */
import { fileOffset, type FileOffset } from '../bytes/units';
import type { ChannelApi, CopyReport } from '../contracts/channels';
import type { ChannelLane, LaneState } from '../contracts/lanes';
import type { PlannedExtent } from './places';
import { Rate } from './rate';

/** A worker that is a channel: opened, and nobody else's. */
export interface Channel {
  readonly api: ChannelApi;
  /** Resolves when the worker has ended: nothing it began is written after that. */
  readonly ended: Promise<void>;
  /** Ends it at once, without waiting for a system call in progress. */
  stop(): void;
}

/** Extents that a channel gets in one call. */
export interface Batch {
  readonly extents: readonly PlannedExtent[];
  /** Bytes of pages to look at. */
  readonly work: number;
  /** What the throttle took for it. */
  readonly estimate: number;
}

/** A batch is to be this much work, so that a cancel, a pause and progress are never far away. */
const BATCH_MS = 75;
const FIRST_BATCH_BYTES = 8 * 1024 * 1024;
const SMALLEST_BATCH_BYTES = 1024 * 1024;
const LARGEST_BATCH_BYTES = 64 * 1024 * 1024;
/** How much the newest batch counts in the measured speed. */
const NEWEST_SHARE = 0.4;

export class Lane {
  channel: Channel | null;
  /** Handed out and not acknowledged, in the order of their sending. */
  queue: Batch[] = [];
  /** A new worker is on its way. */
  starting = false;
  /** The worker was told to stop, or its connection has failed: it gets nothing more. */
  leaving = false;
  bytes = 0;
  pages = 0;
  cpuMs = 0;
  busyMs = 0;
  /** Since when the first batch of the queue is in hand, by the coordinator's clock. */
  #headSince = 0;
  /** Bytes looked at per millisecond. */
  #speed: number | null = null;
  readonly #rate: Rate;
  #bytesPerSecond = 0;
  #position: FileOffset | null = null;

  constructor(channel: Channel, now: number) {
    this.channel = channel;
    this.#rate = new Rate(now);
  }

  get usable(): boolean {
    return this.channel !== null && !this.leaving;
  }

  get state(): LaneState {
    if (this.channel !== null) return this.queue.length > 0 ? 'working' : 'waiting';
    return this.starting ? 'starting' : 'gone';
  }

  /** Bytes of work that keep this channel busy for BATCH_MS. */
  get batchBytes(): number {
    if (this.#speed === null) return FIRST_BATCH_BYTES;
    return Math.min(LARGEST_BATCH_BYTES, Math.max(SMALLEST_BATCH_BYTES, this.#speed * BATCH_MS));
  }

  /** Milliseconds for which it has been at its first batch; 0 when it has none. */
  headMs(now: number): number {
    return this.queue.length === 0 ? 0 : now - this.#headSince;
  }

  push(batch: Batch, now: number): void {
    if (this.queue.length === 0) this.#headSince = now;
    this.queue.push(batch);
    this.#reach();
  }

  /** Takes a batch that was answered out of the queue. */
  remove(batch: Batch, now: number): void {
    this.queue = this.queue.filter((other) => other !== batch);
    this.#headSince = now;
    this.#reach();
  }

  count(batch: Batch, report: CopyReport): void {
    this.bytes += report.bytes;
    this.pages += report.pages;
    this.cpuMs += report.cpuMs;
    this.busyMs += report.busyMs;
    const speed = batch.work / Math.max(report.busyMs, 0.1);
    this.#speed = this.#speed === null ? speed : this.#speed + (speed - this.#speed) * NEWEST_SHARE;
  }

  /** A new worker takes the place of one that has ended. */
  replace(channel: Channel): void {
    this.channel = channel;
    this.leaving = false;
    this.starting = false;
  }

  sample(now: number): void {
    this.#bytesPerSecond = this.#rate.push(now, this.bytes);
  }

  view(): ChannelLane {
    const { state, bytes, pages, cpuMs } = this;
    return { state, position: this.#position, bytes, pages, cpuMs, bytesPerSecond: this.#bytesPerSecond };
  }

  #reach(): void {
    const first = this.queue[0]?.extents[0];
    if (first !== undefined) this.#position = fileOffset(first.extent.fileOffset);
  }
}

export const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

/** Bytes of pages that extents have to look at. */
export const workOf = (extents: readonly PlannedExtent[]): number => sum(extents.map(({ work }) => work));
