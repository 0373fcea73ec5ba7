/** Bytes of one entry: a hash and a page. */
const ENTRY_BYTES = 12;
/** Share of the entries that may be used. */
const MOST_FULL = 0.8;

/** Places that are looked at for one hash. Only hashes that were made to collide (a hostile file) need as many. */
const MOST_PROBES = 4096;

/** How many hashes fit into a table of that many bytes. */
export const hashesIn = (bytes: number): number => Math.floor((bytes / ENTRY_BYTES) * MOST_FULL);

/**
 * Hashes of 64 bits and the page that each was seen at first. Two zeros are no hash. One for which there is no room is not
 * kept.
 */
export class HashTable {
  readonly #most: number;
  readonly #slots: number;
  readonly #low: Uint32Array;
  readonly #high: Uint32Array;
  readonly #pages: Uint32Array;
  #used = 0;

  /** `most`: hashes that it takes at the most. */
  constructor(most: number) {
    this.#most = most;
    this.#slots = Math.ceil(most / MOST_FULL) + 1;
    this.#low = new Uint32Array(this.#slots);
    this.#high = new Uint32Array(this.#slots);
    this.#pages = new Uint32Array(this.#slots);
  }

  /** The page at which the hash was seen first; null when that is now, at `page`. */
  seen(low: number, high: number, page: number): number | null {
    let slot = Math.floor((low / 2 ** 32) * this.#slots);
    for (let probe = 0; probe < MOST_PROBES; probe++, slot = slot + 1 === this.#slots ? 0 : slot + 1) {
      const [knownLow, knownHigh] = [this.#low[slot] ?? 0, this.#high[slot] ?? 0];
      if (knownLow === low && knownHigh === high) return this.#pages[slot] ?? 0;
      if (knownLow !== 0 || knownHigh !== 0) continue;
      if (this.#used >= this.#most) return null;
      this.#used += 1;
      [this.#low[slot], this.#high[slot], this.#pages[slot]] = [low, high, page];
      return null;
    }
    return null;
  }

  clear(): void {
    this.#low.fill(0);
    this.#high.fill(0);
    this.#used = 0;
  }
}
