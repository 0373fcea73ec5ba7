/**
 * What is known of the cells in view, and of some that were. The view says what it wants each time; what it does not want any more is
 * not asked for. What was learned before a scan went on is shown until it has been asked for again.
 */
import type { CellFacts } from './codes';

/** Cells asked for at once. */
export const CHUNK_CELLS = 4096;
const MOST_BYTES = 16 * 1024 * 1024;
const IN_FLIGHT = 2;

/** Cells `number` × CHUNK_CELLS and on, of 2^zoom pages each. */
export interface ChunkKey {
  readonly block: string;
  readonly zoom: number;
  readonly number: number;
}

interface Kept {
  readonly facts: CellFacts;
  readonly generation: number;
}

export class PageCache {
  readonly #load: (key: ChunkKey) => Promise<CellFacts>;
  readonly #onArrival: () => void;
  readonly #onFailure: (error: unknown) => void;
  readonly #kept = new Map<string, Kept>();
  readonly #asked = new Set<string>();
  #wanted: readonly ChunkKey[] = [];
  #generation = 0;
  #bytes = 0;

  constructor(load: (key: ChunkKey) => Promise<CellFacts>, onArrival: () => void, onFailure: (error: unknown) => void) {
    this.#load = load;
    this.#onArrival = onArrival;
    this.#onFailure = onFailure;
  }

  /** Bytes that it holds. */
  get bytes(): number {
    return this.#bytes;
  }

  get(key: ChunkKey): CellFacts | null {
    return this.#kept.get(nameOf(key))?.facts ?? null;
  }

  /** Says what is in view now, in place of what was. */
  want(keys: readonly ChunkKey[]): void {
    this.#wanted = keys;
    for (const key of keys) this.#touch(nameOf(key));
    this.#pump();
  }

  /** What is known may have changed: what is in view is asked for again. */
  outdate(): void {
    this.#generation += 1;
    this.#pump();
  }

  /** The latest used are thrown away last. */
  #touch(name: string): void {
    const kept = this.#kept.get(name);
    if (kept === undefined) return;
    this.#kept.delete(name);
    this.#kept.set(name, kept);
  }

  #pump(): void {
    for (const key of this.#wanted) {
      if (this.#asked.size >= IN_FLIGHT) return;
      const name = nameOf(key);
      const fresh = this.#kept.get(name)?.generation === this.#generation;
      if (!fresh && !this.#asked.has(name)) void this.#ask(key, name);
    }
  }

  async #ask(key: ChunkKey, name: string): Promise<void> {
    const generation = this.#generation;
    this.#asked.add(name);
    try {
      this.#keep(name, { facts: await this.#load(key), generation });
      this.#onArrival();
    } catch (error) {
      this.#wanted = this.#wanted.filter((other) => nameOf(other) !== name);
      this.#onFailure(error);
    } finally {
      this.#asked.delete(name);
    }
    this.#pump();
  }

  #keep(name: string, kept: Kept): void {
    this.#drop(name);
    this.#kept.set(name, kept);
    this.#bytes += sizeOf(kept.facts);
    const wanted = new Set(this.#wanted.map(nameOf));
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= MOST_BYTES) return;
      if (oldest !== name && !wanted.has(oldest)) this.#drop(oldest);
    }
  }

  #drop(name: string): void {
    const kept = this.#kept.get(name);
    if (kept === undefined) return;
    this.#kept.delete(name);
    this.#bytes -= sizeOf(kept.facts);
  }
}

const nameOf = ({ block, zoom, number }: ChunkKey): string => `${zoom}/${number}/${block}`;

const sizeOf = ({ flags, counts, classes, entropy }: CellFacts): number =>
  (flags?.byteLength ?? 0) + (counts?.byteLength ?? 0) + (classes?.byteLength ?? 0) + (entropy?.byteLength ?? 0);
