/** Bytes of the file that are on screen or were: read in chunks, bounded in bytes, the latest wish first. */

export const CHUNK_BYTES = 16 * 1024;
const MOST_BYTES = 16 * 1024 * 1024;
const IN_FLIGHT = 4;

export class ByteCache {
  /** Oldest first. */
  readonly #chunks = new Map<number, Uint8Array>();
  readonly #asked = new Set<number>();
  #wanted: readonly number[] = [];
  #held = 0;

  constructor(
    readonly read: (offset: number, length: number) => Promise<Uint8Array>,
    /** Called when bytes have come. */
    readonly onArrival: () => void,
    readonly onFailure: (error: unknown) => void,
  ) {}

  /** Bytes held at the moment. */
  get held(): number {
    return this.#held;
  }

  /**
   * Says what is on screen now. What is not there is read, four chunks at a time; what an earlier wish still waited for
   * and this one does not name is never read.
   */
  want(ranges: readonly { readonly from: number; readonly to: number }[]): void {
    const wanted = new Set<number>();
    for (const { from, to } of ranges) {
      for (let chunk = Math.floor(from / CHUNK_BYTES); chunk * CHUNK_BYTES < to; chunk += 1) wanted.add(chunk);
    }
    this.#wanted = [...wanted];
    this.#pump();
  }

  /** The bytes from `from` to `to`, or null while some are not there yet; shorter where the file ends. */
  get(from: number, to: number): Uint8Array | null {
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

  #pump(): void {
    for (const chunk of this.#wanted) {
      if (this.#asked.size >= IN_FLIGHT) return;
      if (!this.#chunks.has(chunk) && !this.#asked.has(chunk)) void this.#load(chunk);
    }
  }

  async #load(chunk: number): Promise<void> {
    this.#asked.add(chunk);
    try {
      this.#keep(chunk, await this.read(chunk * CHUNK_BYTES, CHUNK_BYTES));
      this.onArrival();
    } catch (error) {
      this.#wanted = this.#wanted.filter((other) => other !== chunk);
      this.onFailure(error);
    } finally {
      this.#asked.delete(chunk);
    }
    this.#pump();
  }

  #keep(chunk: number, bytes: Uint8Array): void {
    this.#chunks.set(chunk, bytes);
    this.#held += bytes.length;
    const wanted = new Set(this.#wanted);
    for (const [oldest, { length }] of this.#chunks) {
      if (this.#held <= MOST_BYTES) return;
      if (wanted.has(oldest) || oldest === chunk) continue;
      this.#chunks.delete(oldest);
      this.#held -= length;
    }
  }
}
