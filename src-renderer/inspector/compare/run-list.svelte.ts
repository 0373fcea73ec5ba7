/** The runs of pages that differ, of all blocks or of one: any number of them, asked for as they come into view. */
import type { ComparedBlock, ComparedRun, InspectorCompareApi } from '@shared/contracts/inspector-compare';

/** Runs asked for at once, and how many such chunks are kept. */
const CHUNK = 256;
const MOST_CHUNKS = 64;

/** A run and the block that it is in. */
export interface BlockRun extends ComparedRun {
  readonly block: string;
}

export class RunList {
  readonly #api: Pick<InspectorCompareApi, 'comparedRuns'>;
  readonly #onFailure: (error: unknown) => void;
  /** Oldest first. */
  readonly #chunks = new Map<string, readonly ComparedRun[]>();
  readonly #asked = new Map<string, Promise<void>>();
  #blocks = $state.raw<readonly ComparedBlock[]>([]);
  /** Counts up whenever runs arrive. */
  #arrivals = $state(0);

  /** The block whose runs are listed; null: all. */
  block = $state<string | null>(null);
  readonly #listed: readonly ComparedBlock[] = $derived(
    this.#blocks.filter(({ name }) => this.block === null || name === this.block),
  );
  readonly length: number = $derived(this.#listed.reduce((sum, { runs }) => sum + runs, 0));
  /** Pages that differ and are counted only. */
  readonly unlisted: number = $derived(this.#listed.reduce((sum, { unlisted }) => sum + unlisted, 0));

  constructor(api: Pick<InspectorCompareApi, 'comparedRuns'>, onFailure: (error: unknown) => void) {
    this.#api = api;
    this.#onFailure = onFailure;
  }

  /** Learns how many runs there are by now. The last run of a block may have grown: it is asked for anew. */
  learn(blocks: readonly ComparedBlock[]): void {
    for (const { name, runs } of this.#blocks) {
      const before = blocks.find((block) => block.name === name);
      if (before !== undefined && before.runs !== runs)
        this.#chunks.delete(keyOf(name, Math.floor(Math.max(0, runs - 1) / CHUNK)));
    }
    this.#blocks = blocks;
  }

  /** The run of that number; null while it is not there yet. Asks for it then. */
  at(index: number): BlockRun | null {
    const place = this.#placeOf(index);
    if (place === null || this.#arrivals < 0) return null;
    const chunk = Math.floor(place.index / CHUNK);
    const run = this.#chunks.get(keyOf(place.block, chunk))?.[place.index % CHUNK];
    if (run !== undefined) return { block: place.block, ...run };
    void this.#ask(place.block, chunk);
    return null;
  }

  /** The run of that number, as soon as it is there; null when there is none. */
  async get(index: number): Promise<BlockRun | null> {
    const place = this.#placeOf(index);
    const known = this.at(index);
    if (known !== null || place === null) return known;
    await this.#ask(place.block, Math.floor(place.index / CHUNK));
    return this.at(index);
  }

  #placeOf(index: number): { readonly block: string; readonly index: number } | null {
    let before = 0;
    for (const { name, runs } of this.#listed) {
      if (index < before + runs) return { block: name, index: index - before };
      before += runs;
    }
    return null;
  }

  #ask(block: string, chunk: number): Promise<void> {
    const key = keyOf(block, chunk);
    const asked = this.#asked.get(key) ?? this.#load(block, chunk, key);
    this.#asked.set(key, asked);
    return asked;
  }

  async #load(block: string, chunk: number, key: string): Promise<void> {
    try {
      const runs = await this.#api.comparedRuns(block, chunk * CHUNK, CHUNK);
      this.#chunks.set(key, runs);
      for (const oldest of this.#chunks.keys()) {
        if (this.#chunks.size <= MOST_CHUNKS) break;
        this.#chunks.delete(oldest);
      }
      this.#arrivals += 1;
    } catch (error) {
      this.#onFailure(error);
    } finally {
      this.#asked.delete(key);
    }
  }
}

const keyOf = (block: string, chunk: number): string => `${chunk} ${block}`;
