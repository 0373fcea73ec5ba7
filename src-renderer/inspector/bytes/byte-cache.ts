/** Bytes of the file that are on screen or were: read in chunks, bounded in bytes, the latest wish first. */
import type { Stretch } from '@shared/contracts/inspector-port';

export const CHUNK_BYTES = 4096;
const MOST_BYTES = 16 * 1024 * 1024;
/** Chunks of one request, and requests that are out at a time. */
const AT_ONCE = 16;
const IN_FLIGHT = 2;
/** Bytes that have come are told this much later when more of what is wanted is about to come: about a frame. */
const GATHER_MS = 12;

export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

function chunksOf(ranges: readonly ByteRange[]): ReadonlySet<number> {
  const chunks = new Set<number>();
  for (const { from, to } of ranges) {
    for (let chunk = Math.floor(from / CHUNK_BYTES); chunk * CHUNK_BYTES < to; chunk += 1) chunks.add(chunk);
  }
  return chunks;
}

export class ByteCache {
  /** Oldest first. */
  readonly #chunks = new Map<number, Uint8Array>();
  readonly #asked = new Set<number>();
  #wanted: ReadonlySet<number> = new Set();
  #expected: ReadonlySet<number> = new Set();
  /** Chunks of requests that failed: they are asked for one by one, since one that cannot be read fails its whole request. */
  readonly #alone = new Set<number>();
  #requests = 0;
  #held = 0;
  #untold: number[] = [];
  #telling: ReturnType<typeof setTimeout> | null = null;
  #settle: (() => void) | null = null;

  constructor(
    readonly read: (wanted: readonly Stretch[]) => Promise<readonly Uint8Array[]>,
    /** Called when bytes have come, with the numbers of their chunks: once for those that come together. */
    readonly onArrival: (chunks: readonly number[]) => void,
    readonly onFailure: (error: unknown) => void,
  ) {}

  /** Bytes held at the moment. */
  get held(): number {
    return this.#held;
  }

  /**
   * Says what is on screen now. What is not there is read, some chunks at a time; what an earlier wish still waited for
   * and this one does not name is never read.
   */
  want(ranges: readonly ByteRange[]): void {
    this.#wanted = chunksOf(ranges);
    this.#pump();
    this.#tell();
  }

  /** Says what is about to be on screen: it is read before what is wanted, until other ranges, or none, are expected. */
  expect(ranges: readonly ByteRange[]): void {
    this.#expected = chunksOf(ranges);
    this.#pump();
  }

  /** Resolves when all that is expected is there (or could not be read), and all that is wanted if nothing is; or time is up. */
  settled(limitMs: number): Promise<void> {
    this.#settle?.();
    if (this.#isSettled()) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      this.#settle = () => {
        clearTimeout(timer);
        this.#settle = null;
        resolve();
      };
    });
  }

  /** The bytes from `from` to `to`, or null while some are not there yet; shorter where the file ends. Not to be kept. */
  get(from: number, to: number): Uint8Array | null {
    const first = Math.floor(from / CHUNK_BYTES);
    const inOne = to <= (first + 1) * CHUNK_BYTES;
    if (inOne) return this.#chunks.get(first)?.subarray(from - first * CHUNK_BYTES, to - first * CHUNK_BYTES) ?? null;
    const found = new Uint8Array(to - from);
    let end = from;
    while (end < to) {
      const index = Math.floor(end / CHUNK_BYTES);
      const chunk = this.#chunks.get(index);
      if (chunk === undefined) return null;
      const start = end - index * CHUNK_BYTES;
      const part = chunk.subarray(start, start + to - end);
      found.set(part, end - from);
      end += part.length;
      if (start + part.length < CHUNK_BYTES) break;
    }
    return found.subarray(0, end - from);
  }

  #has(chunks: ReadonlySet<number>): boolean {
    for (const chunk of chunks) if (!this.#chunks.has(chunk)) return false;
    return true;
  }

  #isSettled(): boolean {
    return this.#has(this.#expected.size > 0 ? this.#expected : this.#wanted);
  }

  #pump(): void {
    const missing = [...new Set([...this.#expected, ...this.#wanted])].filter(
      (chunk) => !this.#chunks.has(chunk) && !this.#asked.has(chunk),
    );
    while (missing.length > 0 && this.#requests < IN_FLIGHT) {
      const together = missing.findIndex((chunk) => this.#alone.has(chunk));
      const count = together < 0 ? AT_ONCE : Math.min(AT_ONCE, Math.max(1, together));
      void this.#load(missing.splice(0, count));
    }
  }

  async #load(chunks: readonly number[]): Promise<void> {
    this.#requests += 1;
    for (const chunk of chunks) this.#asked.add(chunk);
    try {
      const read = await this.read(chunks.map((chunk) => ({ offset: chunk * CHUNK_BYTES, length: CHUNK_BYTES })));
      chunks.forEach((chunk, index) => this.#keep(chunk, read[index] ?? new Uint8Array(0)));
      this.#untold.push(...chunks);
    } catch (error) {
      if (chunks.length > 1) for (const chunk of chunks) this.#alone.add(chunk);
      else {
        const without = (some: ReadonlySet<number>): ReadonlySet<number> =>
          new Set([...some].filter((chunk) => !chunks.includes(chunk)));
        [this.#wanted, this.#expected] = [without(this.#wanted), without(this.#expected)];
        this.onFailure(error);
      }
    } finally {
      this.#requests -= 1;
      for (const chunk of chunks) this.#asked.delete(chunk);
    }
    this.#pump();
    this.#tell();
  }

  /** Tells at once when nothing more is awaited, so that a screen is drawn once and not chunk by chunk. */
  #tell(): void {
    const complete = this.#has(this.#wanted);
    if (this.#isSettled()) this.#settle?.();
    if (this.#untold.length === 0) return;
    if (complete) this.#tellNow();
    else this.#telling ??= setTimeout(() => this.#tellNow(), GATHER_MS);
  }

  #tellNow(): void {
    if (this.#telling !== null) clearTimeout(this.#telling);
    this.#telling = null;
    const told = this.#untold;
    this.#untold = [];
    this.onArrival(told);
  }

  #keep(chunk: number, bytes: Uint8Array): void {
    this.#chunks.set(chunk, bytes);
    this.#held += bytes.length;
    for (const [oldest, { length }] of this.#chunks) {
      if (this.#held <= MOST_BYTES) return;
      if (this.#wanted.has(oldest) || this.#expected.has(oldest) || oldest === chunk) continue;
      this.#chunks.delete(oldest);
      this.#held -= length;
    }
  }
}
