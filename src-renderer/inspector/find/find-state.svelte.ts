/** A search through the guest's memory: what is looked for, what was found, and which hit the cursor is at. */
import { failureOf, type Failure } from '@shared/contracts/failure';
import type { InspectorFindApi } from '@shared/contracts/inspector-find';
import type { BlockRange, SearchHit, SearchWhat } from '@shared/contracts/search';
import type { PageBlock, PageRange } from '../pages/page-block';
import { pagesText } from '../pages/words';

/** The ways of saying what is looked for. */
export const FIND_KINDS = [
  { value: 'text', text: 'Text' },
  { value: 'hex', text: 'Bytes' },
  { value: 'regex', text: 'Expression' },
  { value: 'int', text: 'Number' },
] as const;
export type FindKind = (typeof FIND_KINDS)[number]['value'];

/** What each way looks like. */
export const FIND_EXAMPLES: Readonly<Record<FindKind, string>> = {
  text: 'Linux version',
  hex: 'de ?? be 4?',
  regex: '[a-z]+_init',
  int: '0x1000 or -1',
};

export interface FindLimit {
  readonly ranges: readonly BlockRange[];
  /** `pages 262 720 to 263 903 of pc.ram` */
  readonly text: string;
}

export class FindState {
  readonly #api: InspectorFindApi;
  readonly #show: (hit: SearchHit) => Promise<void>;
  #turn = 0;

  kind = $state<FindKind>('text');
  text = $state('');
  ignoreCase = $state(false);
  utf16 = $state(false);
  /** Where it is looked for; null: everywhere. */
  limit = $state.raw<FindLimit | null>(null);
  hits = $state.raw<readonly SearchHit[]>([]);
  /** The hit that was gone to last; −1: none. */
  at = $state(-1);
  running = $state(false);
  /** Bytes searched, and to be searched; null before the first search. */
  searched = $state.raw<{ readonly done: number; readonly bytes: number } | null>(null);
  /** There may be more hits than are listed. */
  more = $state(false);
  failure = $state.raw<Failure | null>(null);

  /** `show` goes to a hit. */
  constructor(api: InspectorFindApi, show: (hit: SearchHit) => Promise<void>) {
    this.#api = api;
    this.#show = show;
  }

  /** What the fields say. */
  get what(): SearchWhat {
    const { kind, text, ignoreCase } = this;
    switch (kind) {
      case 'text':
        return { kind, text, encoding: this.utf16 ? 'utf16le' : 'utf8', ignoreCase };
      case 'hex':
        return { kind, hex: text };
      case 'regex':
        return { kind, pattern: text, ignoreCase };
      case 'int':
        return { kind, value: text.trim(), width: null, endian: 'little' };
    }
  }

  /** Looks in some pages of a block alone from now on. */
  limitTo(block: PageBlock, range: PageRange): void {
    const [start, end] = [range.from * block.pageSize, range.to * block.pageSize];
    const text = `page${range.to - range.from === 1 ? '' : 's'} ${pagesText(range)} of ${block.name}`;
    this.limit = { ranges: [{ block: block.name, start, end }], text };
  }

  /** Searches from the start and goes to the first hit. Resolves when all is searched, or another search has begun. */
  async start(): Promise<void> {
    const turn = (this.#turn += 1);
    this.hits = [];
    this.at = -1;
    this.more = false;
    this.failure = null;
    this.searched = null;
    this.running = true;
    try {
      const { bytes } = await this.#api.beginFind(this.what, this.limit?.ranges ?? null);
      for (let done = false; !done && turn === this.#turn;) {
        const step = await this.#api.nextFound();
        if (turn !== this.#turn) return;
        if (step.hits.length > 0) this.hits = [...this.hits, ...step.hits];
        this.searched = { done: step.searchedBytes, bytes };
        this.more = step.more;
        done = step.done;
        if (this.at < 0 && this.hits.length > 0) await this.goTo(0);
      }
    } catch (error) {
      if (turn === this.#turn) this.failure = failureOf(error, 'searching');
    } finally {
      if (turn === this.#turn) this.running = false;
    }
  }

  /** Ends the search; what was found stays. */
  async stop(): Promise<void> {
    this.#turn += 1;
    this.running = false;
    await this.#api.endFind().catch(() => undefined);
  }

  /** The next hit, or the previous one; from the last it goes on at the first. */
  async next(direction: 1 | -1): Promise<void> {
    const { length } = this.hits;
    if (length > 0) await this.goTo((this.at + direction + length) % length);
  }

  async goTo(index: number): Promise<void> {
    const hit = this.hits[index];
    if (hit === undefined) return;
    this.at = index;
    await this.#show(hit);
  }
}
