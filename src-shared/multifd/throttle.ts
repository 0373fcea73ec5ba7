/**
 * A limit on bytes per second: a token bucket that may go into debt by one batch. What a batch will write is only known
 * afterwards (zero pages are not written), so it is estimated when it is handed out and put right when it is reported.
 */

/** A batch is at most this much of a second's bytes, so that the rate is even within a second. */
const BATCH_SECONDS = 0.05;
/** Bytes that may have been saved up, as part of a second. */
const BURST_SECONDS = 0.05;
/** How much the newest batch counts in the share of bytes that are written. */
const NEWEST_SHARE = 0.3;
/** A batch is never taken for free: after a stretch of zeros there may be dense memory. */
const LEAST_SHARE = 0.1;

export class Throttle {
  #bytesPerSecond: number | null = null;
  /** Bytes that may be written now; below zero: a debt. */
  #tokens = 0;
  #at = 0;
  /** Part of the bytes looked at that were written, lately. */
  #share = 1;

  /** Limits from `now` (milliseconds) on; null: no limit. */
  limit(bytesPerSecond: number | null, now: number): void {
    this.#bytesPerSecond = bytesPerSecond;
    this.#tokens = 0;
    this.#at = now;
  }

  get limited(): boolean {
    return this.#bytesPerSecond !== null;
  }

  /** Bytes of work that one batch should have at most. */
  get mostWork(): number {
    return this.#bytesPerSecond === null ? Infinity : this.#bytesPerSecond * BATCH_SECONDS;
  }

  /** Milliseconds until the next batch may go; 0: now. */
  waitMs(now: number): number {
    if (this.#bytesPerSecond === null) return 0;
    const gained = ((now - this.#at) / 1000) * this.#bytesPerSecond;
    this.#tokens = Math.min(this.#tokens + gained, this.#bytesPerSecond * BURST_SECONDS);
    this.#at = now;
    return this.#tokens > 0 ? 0 : Math.ceil((-this.#tokens / this.#bytesPerSecond) * 1000) + 1;
  }

  /** Takes what a batch will probably write out of the bucket, and answers it. */
  reserve(work: number): number {
    const estimate = work * Math.max(this.#share, LEAST_SHARE);
    this.#tokens -= estimate;
    return estimate;
  }

  /** A batch of `work` bytes wrote `written` bytes, for which `estimate` had been taken. */
  settle(work: number, written: number, estimate: number): void {
    this.#tokens += estimate - written;
    if (work > 0) this.#share += (Math.min(1, written / work) - this.#share) * NEWEST_SHARE;
  }
}
