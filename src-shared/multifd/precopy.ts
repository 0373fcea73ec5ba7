/**
 * Precopy: guest memory is copied while the guest runs, then what it changed meanwhile, again and again, until what is left
 * can be copied within the downtime limit. Then the guest stops, and the rest is copied.
 *
 * No change is lost, since a sync clears the guest's marks before the pages are read, and the guest marks a page after it has
 * written it: what is written while it is copied is marked for the next pass.
 */
import { fail } from '../contracts/failure';
import type { Clock, PassTotals } from './coordination';
import type { ExtentFeed, PageBits } from './feed';

/** A guest whose changed pages are known. */
export interface PrecopyGuest {
  /** The pages changed since the last call, block by block of the plan; their marks are cleared. */
  sync(): Promise<PageBits>;
  /** When this has resolved, no page changes any more. */
  stop(): Promise<void>;
}

export interface PrecopyOptions {
  /** How long the guest may stand still, milliseconds. */
  readonly downtimeMs: number;
  /** Passes, the one with the stopped guest included. */
  readonly mostPasses: number;
  /** Asked between passes: when they took longer, the guest is stopped. null: they may take any time. */
  readonly liveLimitMs: number | null;
  /** What to do with a guest that changes memory too fast: copy the rest with the guest stopped, or fail. */
  readonly finishStopped: boolean;
}

export interface PrecopyPass {
  /** From 1. */
  readonly number: number;
  readonly pages: number;
  readonly bytes: number;
  readonly ms: number;
  readonly cpuMs: number;
  /** Pages that the guest changed meanwhile; null for the pass with the stopped guest. */
  readonly dirtied: number | null;
}

export interface PrecopyResult {
  /** The rest was small enough for the downtime limit. */
  readonly converged: boolean;
  /** Why it did not converge, as a sentence; null when it did. */
  readonly why: string | null;
  readonly passes: readonly PrecopyPass[];
  /** How long the guest had stood still when everything was copied. */
  readonly downtimeMs: number;
}

export interface PrecopySteps {
  readonly guest: PrecopyGuest;
  readonly clock: Clock;
  /** All pages that may not be zero. */
  first(): Promise<ExtentFeed>;
  /** The marked pages. */
  marked(bits: PageBits): ExtentFeed;
  copy(feed: ExtentFeed): Promise<PassTotals>;
  onPass?(pass: PrecopyPass): void;
}

/** Passes in a row that leave no less than before, after which it is said not to converge. */
const FRUITLESS_PASSES = 3;
/** A pass leaves less when it leaves this part of the least before. */
const LESS = 0.95;

/**
 * Copies the memory of a running guest and stops it in the end. Rejects with what a step rejects with, and with `save.failed`
 * when it does not converge and may not be finished with the guest stopped; the guest runs on then.
 */
export async function precopy(steps: PrecopySteps, options: PrecopyOptions): Promise<PrecopyResult> {
  const { guest, clock } = steps;
  const startedAt = clock.now();
  const passes: PrecopyPass[] = [];
  const done = (totals: PassTotals, dirtied: number | null): void => {
    const pass = { number: passes.length + 1, ...totals, dirtied };
    passes.push(pass);
    steps.onPass?.(pass);
  };

  await guest.sync();
  let feed = await steps.first();
  let rest: PageBits = [];
  const progress = new Progress(options.downtimeMs);
  let why: string | null = null;
  while (!progress.converged && why === null) {
    const work = feed.remaining;
    const totals = await steps.copy(feed);
    rest = await guest.sync();
    feed = steps.marked(rest);
    done(totals, countPages(rest));
    progress.pass(work, totals.ms, feed.remaining);
    if (progress.converged) break;
    why = whyNot(progress, passes.length, clock.now() - startedAt, options);
  }
  if (why !== null && !options.finishStopped) {
    throw fail('save.failed', 'copying the memory of a running guest', why, 'Save it paused, or slow it down.');
  }
  const stoppedAt = clock.now();
  await guest.stop();
  // What was changed between the last sync and the stop belongs to the rest.
  done(await steps.copy(steps.marked(union(rest, await guest.sync()))), null);
  return { converged: why === null, why: why === null ? null : `${why}.`, passes, downtimeMs: clock.now() - stoppedAt };
}

/** Copies the memory of a guest that is stopped first, in one pass. */
export async function copyStopped(steps: PrecopySteps): Promise<PrecopyResult> {
  const stoppedAt = steps.clock.now();
  await steps.guest.stop();
  const pass = { number: 1, ...(await steps.copy(await steps.first())), dirtied: null };
  steps.onPass?.(pass);
  return { converged: true, why: null, passes: [pass], downtimeMs: steps.clock.now() - stoppedAt };
}

/** How much each pass leaves, against how fast passes are. */
class Progress {
  converged = false;
  fruitless = 0;
  #least = Infinity;
  #work = 0;
  #ms = 0;

  constructor(private readonly downtimeMs: number) {}

  /** A pass looked at `work` bytes of pages in `ms`, and `left` bytes of pages were changed meanwhile. */
  pass(work: number, ms: number, left: number): void {
    // The newest pass counts most: scattered pages are slower than all of memory. One that was over at once tells nothing.
    this.#work = this.#work / 4 + work;
    this.#ms = this.#ms / 4 + ms;
    this.converged = left === 0 || (left / this.#work) * this.#ms <= this.downtimeMs;
    this.fruitless = left > this.#least * LESS ? this.fruitless + 1 : 0;
    this.#least = Math.min(this.#least, left);
  }
}

function whyNot(progress: Progress, passes: number, ms: number, options: PrecopyOptions): string | null {
  if (progress.fruitless >= FRUITLESS_PASSES) {
    return `The guest changes its memory as fast as it is copied: ${FRUITLESS_PASSES} passes made no progress`;
  }
  if (passes >= options.mostPasses - 1) return `The limit of ${options.mostPasses} passes was reached`;
  if (options.liveLimitMs !== null && ms >= options.liveLimitMs) {
    return `The time limit of ${options.liveLimitMs / 1000} s was reached`;
  }
  return null;
}

function countPages(bits: PageBits): number {
  let count = 0;
  for (const block of bits)
    for (const byte of block ?? []) for (let rest = byte; rest > 0; rest &= rest - 1) count += 1;
  return count;
}

/** Pages that are in one or the other. */
const union = (some: PageBits, more: PageBits): PageBits =>
  more.map((bits, block) => {
    const other = some[block] ?? null;
    if (bits === null || other === null) return bits ?? other;
    return bits.map((byte, at) => byte | (other[at] ?? 0));
  });
