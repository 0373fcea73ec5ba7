import type { ByteSource, Extent } from './source';
import { byteCount, fileOffset, type ByteCount, type FileOffset } from './units';

/** Bytes in memory as a source. `holes` lists stretches (start, end) to report as holes; the bytes there should be zero. */
export class MemorySource implements ByteSource {
  readonly name: string;
  readonly #bytes: Uint8Array;
  readonly #holes: readonly (readonly [number, number])[];

  constructor(bytes: Uint8Array, name = 'memory', holes: readonly (readonly [number, number])[] = []) {
    this.name = name;
    this.#bytes = bytes;
    this.#holes = [...holes].sort((a, b) => a[0] - b[0]);
  }

  size(): Promise<ByteCount> {
    return Promise.resolve(byteCount(this.#bytes.length));
  }

  read(offset: FileOffset, length: ByteCount): Promise<Uint8Array> {
    const start = Math.min(offset, this.#bytes.length);
    return Promise.resolve(this.#bytes.subarray(start, Math.min(start + length, this.#bytes.length)));
  }

  extentAt(offset: FileOffset): Promise<Extent | null> {
    if (offset >= this.#bytes.length) return Promise.resolve(null);
    let dataStart = 0;
    for (const [start, end] of this.#holes) {
      if (offset < start) return Promise.resolve(extent('data', dataStart, start));
      if (offset < end) return Promise.resolve(extent('hole', start, Math.min(end, this.#bytes.length)));
      dataStart = end;
    }
    return Promise.resolve(extent('data', dataStart, this.#bytes.length));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function extent(kind: Extent['kind'], start: number, end: number): Extent {
  return { kind, offset: fileOffset(start), length: byteCount(end - start) };
}
