/** The file that a transfer writes, by position. */
import { closeSync, fstatSync, ftruncateSync, writeSync } from 'node:fs';
import { fileOffset } from '@shared/bytes/units';
import { fileFailure } from '../io/failures';
import { punchHole } from '../io/punch';
import type { OpenEnd } from './open';

const ZEROS = new Uint8Array(1024 * 1024);

/** Every call either does all that it was asked or throws `file.*`. */
export class TargetFile {
  readonly name: string;
  readonly #fd: number;
  #bytesWritten = 0;

  constructor({ fd, name }: OpenEnd) {
    this.#fd = fd;
    this.name = name;
  }

  /** Bytes written so far, each time that they were. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** Length of the file in bytes. */
  size(): number {
    return this.#guard('asking for the size of', 0, () => fstatSync(this.#fd).size);
  }

  /** Writes `bytes[start, end)` at `position`. */
  write(bytes: Uint8Array, start: number, end: number, position: number): void {
    this.#guard('writing', position, () => {
      for (let at = start; at < end;) at += writeSync(this.#fd, bytes, at, end - at, position + (at - start));
    });
    this.#bytesWritten += end - start;
  }

  /** Makes a stretch read as zeros, without bytes on disk where the file system can do that. */
  clear(offset: number, length: number): void {
    if (!punchHole(this.#fd, offset, length)) this.zero(offset, length);
  }

  /** Writes zeros. */
  zero(offset: number, length: number): void {
    for (let done = 0; done < length; done += ZEROS.length) {
      this.write(ZEROS, 0, Math.min(ZEROS.length, length - done), offset + done);
    }
  }

  truncate(size: number): void {
    this.#guard('setting the length of', size, () => ftruncateSync(this.#fd, size));
  }

  /** Never flushes. */
  close(): void {
    closeSync(this.#fd);
  }

  #guard<T>(doing: string, offset: number, call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw fileFailure(error, `${doing} ${this.name}`, { path: this.name, offset: fileOffset(offset) });
    }
  }
}
