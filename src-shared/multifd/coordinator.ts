/**
 * Hands extents to 1 … 16 channels, a few batches ahead, and keeps account of what they answer. There are no packets and no
 * order among extents: every one has its place. A pass is over when each of its extents was acknowledged; that is the sync
 * between passes.
 *
 * A channel that dies loses its unacknowledged batches to the others, but only when its worker has *ended*: a write of it
 * must not land on top of newer bytes. An I/O failure of any channel ends the pass with that failure.
 */
import type { CopyReport } from '../contracts/channels';
import { fail, StillframeError } from '../contracts/failure';
import type { ChannelsProgress } from '../contracts/lanes';
import { asError, cancelled, nobodyLeft, tooManyDeaths } from './copy-failures';
import { USUAL_LIMITS, type CancelSignal, type Clock, type CoordinatorLimits } from './coordination';
import type { CoordinatorOptions, PageSink, PassTotals } from './coordination';
import type { ExtentFeed } from './feed';
import { Lane, sum, workOf, type Batch, type Channel } from './lane';
import type { PlannedExtent } from './places';
import { Rate } from './rate';
import { Throttle } from './throttle';

/** How often progress is told, and how often it is looked whether a channel stalls. */
const PROGRESS_MS = 100;

interface Pass {
  readonly feed: ExtentFeed;
  readonly sink: PageSink;
  /** Batches of dead channels. */
  readonly redo: (readonly PlannedExtent[])[];
  readonly startedAt: number;
  ending: StillframeError | null;
  pages: number;
  bytes: number;
  cpuMs: number;
  /** Call off the timers that run for this pass. */
  readonly callOffs: (() => void)[];
  settle(error: StillframeError | null): void;
}

export class Coordinator {
  readonly #lanes: Lane[];
  readonly #options: CoordinatorOptions;
  readonly #limits: CoordinatorLimits;
  readonly #clock: Clock;
  readonly #throttle = new Throttle();
  readonly #byteRate: Rate;
  readonly #pageRate: Rate;
  #rates = { bytes: 0, pages: 0 };
  #pass: Pass | null = null;
  #paused = false;
  #whenIdle: (() => void)[] = [];
  #deaths = 0;
  #callOffThrottle: (() => void) | null = null;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#limits = { ...USUAL_LIMITS, ...options.limits };
    this.#clock = options.clock;
    const now = this.#clock.now();
    this.#byteRate = new Rate(now);
    this.#pageRate = new Rate(now);
    this.#lanes = options.channels.map((channel) => new Lane(channel, now));
    for (const lane of this.#lanes) this.#watch(lane);
  }

  /**
   * Copies everything in the feed; one pass at a time. Rejects with the first failure of a channel, with `worker.died` when
   * workers die too often or none is left, and with `save.cancelled` when `signal` fires: in each case only when no channel
   * works on a batch any more.
   */
  copy(feed: ExtentFeed, sink: PageSink, signal: CancelSignal): Promise<PassTotals> {
    if (this.#pass !== null) throw new Error('a pass is under way already');
    return new Promise((resolve, reject) => {
      const startedAt = this.#clock.now();
      const onAbort = (): void => this.#endWith(cancelled(this.#options.doing));
      const pass: Pass = {
        feed,
        sink,
        redo: [],
        startedAt,
        ending: null,
        pages: 0,
        bytes: 0,
        cpuMs: 0,
        callOffs: [this.#tick()],
        settle: (error) => {
          this.#pass = null;
          for (const callOff of pass.callOffs) callOff();
          this.#callOffThrottle?.();
          signal.removeEventListener('abort', onAbort);
          const { pages, bytes, cpuMs } = pass;
          if (error === null) resolve({ pages, bytes, cpuMs, ms: this.#clock.now() - startedAt });
          else reject(error);
        },
      };
      this.#pass = pass;
      signal.addEventListener('abort', onAbort);
      if (signal.aborted) onAbort();
      else this.#pump();
    });
  }

  /** No batch is handed out until `resume`. Resolves when no channel works any more. */
  pause(): Promise<void> {
    this.#paused = true;
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve);
      this.#tellIdle();
    });
  }

  resume(): void {
    this.#paused = false;
    this.#pump();
  }

  /** Bytes per second that all channels together may write; null: as many as they can. */
  limitRate(bytesPerSecond: number | null): void {
    this.#throttle.limit(bytesPerSecond, this.#clock.now());
    this.#callOffThrottle?.();
    this.#pump();
  }

  progress(): ChannelsProgress {
    const { feed, redo } = this.#pass ?? { feed: { remaining: 0 }, redo: [] };
    const lanes = this.#lanes.map((lane) => lane.view());
    const inHand = sum(this.#lanes.flatMap(({ queue }) => queue.map(({ work }) => work)));
    return {
      lanes,
      bytes: sum(lanes.map(({ bytes }) => bytes)),
      pages: sum(lanes.map(({ pages }) => pages)),
      bytesPerSecond: this.#rates.bytes,
      pagesPerSecond: this.#rates.pages,
      bytesRemaining: feed.remaining + inHand + sum(redo.map(workOf)),
      paused: this.#paused,
      deaths: this.#deaths,
    };
  }

  /** Every PROGRESS_MS while a pass runs. */
  #tick(): () => void {
    let callOff = (): void => undefined;
    const next = (): void => {
      callOff = this.#clock.after(PROGRESS_MS, () => {
        const now = this.#clock.now();
        for (const lane of this.#lanes) {
          lane.sample(now);
          if (lane.headMs(now) > this.#limits.stallMs) this.#stop(lane);
        }
        const { bytes, pages } = this.progress();
        this.#rates = { bytes: this.#byteRate.push(now, bytes), pages: this.#pageRate.push(now, pages) };
        this.#options.onProgress?.(this.progress());
        if (this.#pass !== null) next();
      });
    };
    next();
    return () => callOff();
  }

  /** Hands out what can be handed out, and ends the pass when nothing is left to wait for. */
  #pump(): void {
    const pass = this.#pass;
    this.#tellIdle();
    if (pass === null) return;
    if (pass.ending !== null) {
      if (this.#idle) pass.settle(pass.ending);
      return;
    }
    while (!this.#paused) {
      const lane = this.#freeLane();
      if (lane === null || !this.#hasWork(pass) || this.#mustWait()) break;
      this.#send(lane, this.#cut(pass, lane));
    }
    if (this.#idle && !this.#hasWork(pass)) pass.settle(null);
    else if (this.#lanes.every((lane) => lane.state === 'gone')) this.#endWith(nobodyLeft(this.#options.doing));
  }

  #hasWork({ feed, redo }: Pass): boolean {
    return redo.length > 0 || feed.remaining > 0;
  }

  get #idle(): boolean {
    return this.#lanes.every(({ queue }) => queue.length === 0);
  }

  /** The channel with the least in hand, so that the last batches are spread evenly; null: all have enough. */
  #freeLane(): Lane | null {
    const most = this.#throttle.limited ? 1 : this.#limits.outstanding;
    let found: Lane | null = null;
    for (const lane of this.#lanes) {
      if (lane.usable && lane.queue.length < (found?.queue.length ?? most)) found = lane;
    }
    return found;
  }

  #mustWait(): boolean {
    const wait = this.#throttle.waitMs(this.#clock.now());
    if (wait === 0) return false;
    this.#callOffThrottle?.();
    this.#callOffThrottle = this.#clock.after(wait, () => this.#pump());
    return true;
  }

  /** The next batch for a lane; near the end of a pass smaller ones, so that all channels end together. */
  #cut({ feed, redo }: Pass, lane: Lane): Batch {
    const again = redo.shift();
    const usable = this.#lanes.filter((one) => one.usable).length;
    const share = feed.remaining / (usable * this.#limits.outstanding);
    const extents = again ?? feed.next(Math.min(lane.batchBytes, this.#throttle.mostWork, Math.max(share, 1)));
    const work = workOf(extents);
    return { extents, work, estimate: this.#throttle.reserve(work) };
  }

  #send(lane: Lane, batch: Batch): void {
    const { channel } = lane;
    if (channel === null) throw new Error('a lane without a channel gets no batch');
    lane.push(batch, this.#clock.now());
    channel.api.copyExtents(batch.extents.map(({ extent }) => extent)).then(
      (report) => this.#acknowledged(lane, channel, batch, report),
      (error: unknown) => this.#refused(lane, channel, batch, error),
    );
  }

  #acknowledged(lane: Lane, channel: Channel, batch: Batch, report: CopyReport): void {
    // An answer that comes after its pass was given up belongs to nothing.
    if (lane.channel !== channel || this.#pass === null || !lane.queue.includes(batch)) return;
    lane.remove(batch, this.#clock.now());
    lane.count(batch, report);
    this.#throttle.settle(batch.work, report.bytes, batch.estimate);
    this.#pass.pages += report.pages;
    this.#pass.bytes += report.bytes;
    this.#pass.cpuMs += report.cpuMs;
    try {
      this.#tell(this.#pass.sink, batch, report);
    } catch (error) {
      this.#endWith(asError(error, this.#options.doing));
    }
    this.#pump();
  }

  #tell(sink: PageSink, { extents }: Batch, { saved }: CopyReport): void {
    const due = this.#options.direction === 'save' ? extents.length : 0;
    if (saved.length !== due) {
      const what = `a channel reported ${saved.length} extents of ${due}`;
      throw fail('internal', this.#options.doing, what, 'Report this; it is a fault in Stillframe.');
    }
    extents.forEach((planned, at) => {
      const one = saved[at];
      if (one !== undefined) sink.saved(planned, one);
    });
  }

  #refused(lane: Lane, channel: Channel, batch: Batch, error: unknown): void {
    if (lane.channel !== channel) return;
    if (error instanceof StillframeError && error.failure.code === 'worker.died') {
      // The batch stays in the queue until the worker has ended: `#watch` goes on from there.
      this.#stop(lane);
      return;
    }
    lane.remove(batch, this.#clock.now());
    this.#endWith(asError(error, this.#options.doing));
    this.#pump();
  }

  #stop(lane: Lane): void {
    if (lane.leaving) return;
    lane.leaving = true;
    lane.channel?.stop();
  }

  #watch(lane: Lane): void {
    const { channel } = lane;
    void channel?.ended.then(() => {
      if (lane.channel !== channel) return;
      this.#bury(lane);
    });
  }

  /** The lane's worker has ended: what it had in hand goes to the others, and another worker takes its place. */
  #bury(lane: Lane): void {
    const lost = lane.queue;
    lane.queue = [];
    lane.channel = null;
    this.#deaths += 1;
    const pass = this.#pass;
    if (pass !== null && pass.ending === null) {
      for (const { extents } of lost) {
        for (const planned of extents) pass.sink.lost(planned);
        pass.redo.push(extents);
      }
    }
    if (this.#deaths > this.#limits.mostDeaths) this.#endWith(tooManyDeaths(this.#options.doing, this.#deaths));
    else if (pass?.ending == null) this.#replace(lane);
    this.#pump();
  }

  #replace(lane: Lane): void {
    lane.starting = true;
    this.#options
      .replace()
      .catch(() => null)
      .then((channel) => {
        lane.starting = false;
        if (channel !== null) {
          lane.replace(channel);
          this.#watch(lane);
        }
        this.#pump();
      })
      .catch((error: unknown) => this.#endWith(asError(error, this.#options.doing)));
  }

  /** Nothing more is handed out; what is in hand is waited for, and its workers are stopped when that takes too long. */
  #endWith(error: StillframeError): void {
    const pass = this.#pass;
    if (pass === null || pass.ending !== null) return;
    pass.ending = error;
    const busy = (): Lane[] => this.#lanes.filter(({ queue }) => queue.length > 0);
    const { graceMs, abandonMs } = this.#limits;
    const abandon = (): void => {
      for (const lane of busy()) lane.queue = [];
      this.#pump();
    };
    pass.callOffs.push(
      this.#clock.after(graceMs, () => busy().forEach((lane) => this.#stop(lane))),
      this.#clock.after(graceMs + abandonMs, abandon),
    );
    this.#pump();
  }

  #tellIdle(): void {
    if (!this.#paused || !this.#idle) return;
    for (const tell of this.#whenIdle.splice(0)) tell();
  }
}
