import { failureOf, sentenceOf } from '@shared/contracts/failure';
import type { PageScan, PageScanState } from '@shared/contracts/inspector-pages';
import { DOING } from './known-file';

/** What a scan does. It keeps how far it got. */
export interface ScanWork {
  readonly doneBytes: number;
  /** 0 until it is known. */
  readonly totalBytes: number;
  /** Why it cannot be done at all, as far as that is known before it is tried. */
  readonly impossible?: string | null;
  /** Goes on until all is done, or `stopped` says so. Rejects with what failed; then it may be asked to go on, too. */
  run(stopped: () => boolean): Promise<ScanEnd>;
}

/** `impossible`: why it cannot be done at all, as a sentence. */
export type ScanEnd = 'done' | 'stopped' | { readonly impossible: string };

/** One scan of a file: begun, stopped and begun again. */
export class Scan {
  readonly #name: PageScan;
  readonly #work: ScanWork;
  readonly #onChange: () => void;
  #state: PageScanState['state'] = 'not begun';
  #why: string | null = null;
  #stop = false;
  #running: Promise<void> | null = null;

  /** `onChange` is told of every change of `state`, and not of progress. */
  constructor(name: PageScan, work: ScanWork, onChange: () => void) {
    this.#name = name;
    this.#work = work;
    this.#onChange = onChange;
    const why = work.impossible ?? null;
    if (why !== null) [this.#state, this.#why] = ['impossible', why];
  }

  get state(): PageScanState {
    const { doneBytes, totalBytes } = this.#work;
    return { scan: this.#name, state: this.#state, doneBytes, totalBytes, why: this.#why };
  }

  begin(): PageScanState {
    if (this.#state === 'not begun' || this.#state === 'failed') {
      this.#stop = false;
      this.#change('running', null);
      this.#running = this.#run();
    } else if (this.#state === 'running' && this.#stop) {
      // It is being stopped: it goes on when it has.
      void this.#running?.then(() => this.begin());
    }
    return this.state;
  }

  /** Waits for what is under way. */
  async end(): Promise<PageScanState> {
    this.#stop = true;
    await this.#running;
    return this.state;
  }

  async #run(): Promise<void> {
    try {
      const ended = await this.#work.run(() => this.#stop);
      if (ended === 'done') this.#change('done', null);
      else if (ended === 'stopped') this.#change('not begun', null);
      else this.#change('impossible', ended.impossible);
    } catch (error) {
      this.#change('failed', sentenceOf(failureOf(error, DOING)));
    }
  }

  #change(state: PageScanState['state'], why: string | null): void {
    [this.#state, this.#why] = [state, why];
    this.#onChange();
  }
}
