/** A mapped-ram file as the source of a transfer. */
import { readSync } from 'node:fs';
import { byteCount, fileOffset, hex } from '@shared/bytes/units';
import { fail, type FailureCode } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/lease';
import { eachRuns } from '@shared/mapped-ram/bitmap';
import { bitmapOf } from '@shared/mapped-ram/byte-order';
import { endOf } from '@shared/bytes/table';
import type { ParsedStream, RamBlock } from '@shared/stream/model';
import { recordEnd } from '@shared/stream/pieces';
import { encodeConfiguration } from '@shared/stream/writer';
import { fileFailure } from '../io/failures';
import { openLease, type FileSource } from '../io/lease';
import { openSnapshot, type OpenSnapshot } from '../snapshot/open';

/** Called for stretches of a block's pages in order: first page, page behind the last, and whether they are in the file. */
export type RunVisitor = (first: number, end: number, present: boolean) => Promise<void>;

export class MappedSource {
  readonly name: string;
  readonly stream: ParsedStream;
  readonly #file: FileSource;
  readonly #snapshot: OpenSnapshot;
  #bytesRead = 0;

  private constructor(file: FileSource, snapshot: OpenSnapshot) {
    this.name = file.name;
    this.#file = file;
    this.#snapshot = snapshot;
    this.stream = snapshot.stream;
  }

  /**
   * Opens a mapped-ram file whose every structure is there and right. `format.not-a-stream` for another file,
   * `format.unsupported` for a stream that is not mapped-ram, `format.truncated` or `format.bad-value` for one that is not whole.
   */
  static async open(lease: Lease): Promise<MappedSource> {
    const file = await openLease(lease);
    try {
      const snapshot = await openSnapshot(file, { streamOffset: lease.streamOffset });
      checkWhole(snapshot);
      return new MappedSource(file, snapshot);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Bytes of pages and of other things that were read. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Target page size. */
  get pageSize(): number {
    return this.stream.ramBlocks.find((block) => block.header !== null)?.header?.pageSize ?? 4096;
  }

  /** Behind the list of blocks and their pages: where the word that ends RAM's first section is. */
  get listEnd(): number {
    const last = this.stream.ramBlocks.at(-1);
    if (last === undefined) return this.stream.ramTotal === null ? 0 : endOf(this.stream.ramTotal.record);
    const pages = last.header?.mapped?.pages;
    return pages === undefined ? recordEnd(last) : pages.offset + pages.length;
  }

  /** Behind CONFIGURATION, or the stream's header where there is none. */
  get headEnd(): number {
    const { configuration, header } = this.stream;
    const inner = configuration?.subsections.flatMap(({ record, content }) => [record, ...content]) ?? [];
    return endOf(inner.at(-1) ?? configuration?.record ?? header);
  }

  /** The bytes of CONFIGURATION with these capabilities instead of its own; empty where there is none. */
  configurationWith(capabilities: readonly string[]): Uint8Array {
    const { configuration } = this.stream;
    if (configuration === null) return new Uint8Array(0);
    return encodeConfiguration(configuration, ({ offset, length }) => this.read(offset, length), capabilities);
  }

  /** Visits all of a block's pages, in runs of at most `most` pages. Nothing for a block that was skipped. */
  async eachRun(block: RamBlock, most: number, visit: RunVisitor): Promise<void> {
    const bitmap = bitmapOf(block, this.stream.size);
    if (bitmap === null) return;
    const order = this.#snapshot.order === 'big' ? 'big' : 'little';
    let position = 0;
    const pieces = async (first: number, end: number, present: boolean): Promise<void> => {
      for (let at = first; at < end; at += most) await visit(at, Math.min(end, at + most), present);
    };
    await eachRuns(this.#file, bitmap, order, async (runs) => {
      for (let at = 0; at + 1 < runs.length; at += 2) {
        const [first, end] = [runs[at] ?? 0, runs[at + 1] ?? 0];
        await pieces(position, first, false);
        await pieces(first, end, true);
        position = end;
      }
    });
    await pieces(position, bitmap.pages, false);
  }

  /** Reads bytes that must be there into `buffer`. */
  readInto(buffer: Uint8Array, at: number, length: number, offset: number): void {
    try {
      for (let done = 0; done < length;) {
        const count = readSync(this.#file.fd, buffer, at + done, length - done, offset + done);
        if (count === 0) throw this.#shrunk(offset + done);
        done += count;
      }
    } catch (error) {
      throw fileFailure(error, `reading ${this.name}`, { path: this.name, offset: fileOffset(offset) });
    }
    this.#bytesRead += length;
  }

  /** A few bytes that must be there. */
  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.readInto(bytes, 0, length, offset);
    return bytes;
  }

  /** The bytes from `start` to `end`, some at a time. */
  async eachChunk(start: number, end: number, visit: (bytes: Uint8Array) => Promise<void>): Promise<void> {
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, Math.max(0, end - start)));
    for (let at = start; at < end; at += chunk.length) {
      const length = byteCount(Math.min(chunk.length, end - at));
      this.readInto(chunk, 0, length, at);
      await visit(chunk.subarray(0, length));
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #shrunk(offset: number): Error {
    return fail(
      'file.changed',
      `reading ${this.name}`,
      `it ends at ${hex(offset)} now`,
      'Leave it alone and try again.',
      {
        where: { path: this.name, offset: fileOffset(offset) },
      },
    );
  }
}

const CHUNK_BYTES = 1024 * 1024;

function checkWhole({ stream, problems }: OpenSnapshot): void {
  const refuse = (code: FailureCode, what: string, offset: number | null): Error =>
    fail(code, 'reading the mapped-ram file', what, 'stillframe inspect tells what is in it.', {
      where: { path: stream.name, ...(offset === null ? {} : { offset: fileOffset(offset) }) },
    });
  const wrong = problems.find(({ severity }) => severity === 'error');
  if (wrong !== undefined) {
    const code = wrong.code === 'truncated' ? 'format.truncated' : 'format.bad-value';
    throw refuse(code, wrong.message.replace(/\.$/, ''), wrong.offset);
  }
  if (!stream.complete) throw refuse('format.truncated', 'the file does not reach the end of its stream', stream.end);
  const odd = stream.ramBlocks.find(
    ({ header }) => header !== null && (header.pageSize < 1024 || header.pageSize > 65536),
  );
  if (odd !== undefined) {
    const what = `pages of ${odd.header?.pageSize ?? 0} bytes are those of no VM`;
    throw refuse('format.unsupported', what, odd.record.offset);
  }
  if (stream.ramBlocks.length > 0 && stream.ramBlocks.every(({ header }) => header !== null)) return;
  throw fail(
    'format.unsupported',
    'reading the mapped-ram file',
    'it is no mapped-ram file but an ordinary stream',
    'Convert it to mapped-ram first.',
    { where: { path: stream.name, offset: stream.container.streamOffset } },
  );
}
