/** The scans of the open file: how far each is, and beginning and ending them. */
import type { InspectorPagesApi, PageScan, PageScanState } from '@shared/contracts/inspector-pages';

/** What moved is told at most this often while a scan runs. */
const TELL_EVERY_MS = 400;
/** A rate needs so long to mean something. */
const LEAST_RATE_MS = 1000;

/** Where a scan was when it began to run here. */
interface Start {
  readonly at: number;
  readonly doneBytes: number;
}

export class PageScans {
  readonly #api: Pick<InspectorPagesApi, 'beginScan' | 'endScan' | 'scans'>;
  readonly #onMove: () => void;
  readonly #onFailure: (error: unknown) => void;
  readonly #now: () => number;
  readonly #starts = new Map<PageScan, Start>();
  #states = $state.raw<ReadonlyMap<PageScan, PageScanState>>(new Map());
  #following = false;
  #closed = false;
  #told = Number.NEGATIVE_INFINITY;

  /** `onMove`: something more is known of the pages. */
  constructor(
    api: Pick<InspectorPagesApi, 'beginScan' | 'endScan' | 'scans'>,
    onMove: () => void,
    onFailure: (error: unknown) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#api = api;
    this.#onMove = onMove;
    this.#onFailure = onFailure;
    this.#now = now;
  }

  /** null until it is known. */
  of(scan: PageScan): PageScanState | null {
    return this.#states.get(scan) ?? null;
  }

  /** Whether what a scan finds is known, for a part of the pages at least. */
  isKnown(scan: PageScan): boolean {
    const state = this.of(scan);
    return state !== null && (state.state === 'done' || state.state === 'running' || state.doneBytes > 0);
  }

  /** Seconds until a running scan is done; null when that cannot be told yet. */
  secondsLeft(scan: PageScan): number | null {
    const [state, start] = [this.of(scan), this.#starts.get(scan)];
    if (state?.state !== 'running' || start === undefined) return null;
    const [took, done] = [this.#now() - start.at, state.doneBytes - start.doneBytes];
    return took < LEAST_RATE_MS || done <= 0 ? null : ((state.totalBytes - state.doneBytes) / done) * (took / 1000);
  }

  async begin(scan: PageScan): Promise<void> {
    await this.#guard(async () => {
      const state = await this.#api.beginScan(scan);
      this.#learn([state]);
      // It was done before it was asked about, and what is known may be from before that.
      if (state.state !== 'running') this.#tell(true);
    });
    void this.#follow();
  }

  async end(scan: PageScan): Promise<void> {
    await this.#guard(async () => this.#learn([await this.#api.endScan(scan)]));
    this.#tell(true);
  }

  /** Asks no more. */
  close(): void {
    this.#closed = true;
  }

  /** Asks how they are until none runs. */
  async #follow(): Promise<void> {
    if (this.#following) return;
    this.#following = true;
    await this.#guard(async () => {
      for (let running = true; running && !this.#closed;) {
        const states = await this.#api.scans();
        const before = this.#states;
        this.#learn(states);
        running = states.some(({ state }) => state === 'running');
        const moved = states.some(
          ({ scan, doneBytes, state }) =>
            before.get(scan)?.doneBytes !== doneBytes || before.get(scan)?.state !== state,
        );
        if (moved) this.#tell(!running);
      }
    });
    this.#following = false;
  }

  #tell(always: boolean): void {
    const now = this.#now();
    if (this.#closed || (!always && now - this.#told < TELL_EVERY_MS)) return;
    this.#told = now;
    this.#onMove();
  }

  #learn(states: readonly PageScanState[]): void {
    const known = new Map(this.#states);
    for (const state of states) {
      const { scan, doneBytes } = state;
      if (state.state !== 'running') this.#starts.delete(scan);
      else if (!this.#starts.has(scan)) this.#starts.set(scan, { at: this.#now(), doneBytes });
      known.set(scan, state);
    }
    this.#states = known;
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.#closed) this.#onFailure(error);
    }
  }
}
