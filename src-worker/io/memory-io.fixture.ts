import type { PositionalIo } from './seekable';

const BLOCK = 4096;

/** Bytes in memory as a file that knows its holes in blocks of 4 KiB, as ext4 and tmpfs do. */
export class MemoryIo implements PositionalIo {
  readonly name = 'memory';
  readonly notSeekable = null;
  readonly direct: boolean = false;
  readonly prefersAllocated: boolean = false;
  flushes = 0;
  closed = false;
  #bytes = new Uint8Array(0);
  readonly #data = new Set<number>();

  readv(views: readonly Uint8Array[], offset: number): number {
    let at = offset;
    for (const view of views) {
      const part = this.#bytes.subarray(at, at + view.length);
      view.set(part);
      at += part.length;
    }
    return at - offset;
  }

  writev(views: readonly Uint8Array[], offset: number): number {
    let at = offset;
    for (const view of views) {
      if (at + view.length > this.#bytes.length) this.resize(at + view.length);
      this.#bytes.set(view, at);
      for (let block = Math.floor(at / BLOCK); block * BLOCK < at + view.length; block++) this.#data.add(block);
      at += view.length;
    }
    return at - offset;
  }

  size(): number {
    return this.#bytes.length;
  }

  resize(size: number): void {
    const resized = new Uint8Array(size);
    resized.set(this.#bytes.subarray(0, size));
    this.#bytes = resized;
    for (const block of this.#data) if (block * BLOCK >= size) this.#data.delete(block);
  }

  seekData(offset: number): number | null {
    return this.#seek(offset, true);
  }

  seekHole(offset: number): number | null {
    return offset >= this.size() ? null : (this.#seek(offset, false) ?? this.size());
  }

  #seek(offset: number, data: boolean): number | null {
    for (let at = offset; at < this.size(); at = (Math.floor(at / BLOCK) + 1) * BLOCK) {
      if (this.#data.has(Math.floor(at / BLOCK)) === data) return at;
    }
    return null;
  }

  allocate(offset: number, length: number): boolean {
    if (offset + length > this.size()) this.resize(offset + length);
    return true;
  }

  punch(offset: number, length: number): boolean {
    const end = Math.min(offset + length, this.size());
    this.#bytes.fill(0, offset, end);
    for (let block = Math.ceil(offset / BLOCK); (block + 1) * BLOCK <= end; block++) this.#data.delete(block);
    return true;
  }

  startWriteBack(_offset: number, _length: number): void {
    // Memory has no disk behind it.
  }

  flush(): Promise<void> {
    this.flushes++;
    return Promise.resolve();
  }

  close(): void {
    this.closed = true;
  }
}
