/** From a mapped-ram file to an ordinary stream. */
import { endOf } from '@shared/bytes/table';
import { fail } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/lease';
import { RAM_FLAG } from '@shared/stream/layout';
import type { RamBlock } from '@shared/stream/model';
import { encodeBlockRecord, encodePageBlock, encodeRamTotal } from '@shared/stream/writer';
import { MappedSource } from './mapped-source';
import { openEnd } from './open';
import { StreamOutput } from './stream-output';
import { notEmpty } from './target-file';
import type { Transfer } from './transfer';
import type { Turn } from './turn';

/** Pages are read so many bytes at a time. */
const READ_BYTES = 1024 * 1024;
const WORD_BYTES = 8;
/** A word, a block's name with its length, and the one byte of a zero page. */
const LONGEST_FRONT = WORD_BYTES + 256 + 1;

/** Opens both ends. `external`: blocks that are listed but whose pages are left out. */
export async function openEmit(source: Lease, target: Lease, external: readonly string[] = []): Promise<Transfer> {
  const file = await MappedSource.open(source);
  try {
    checkExternal(file, external);
    const output = new StreamOutput(openEnd(target, 'write'));
    if (output.existingBytes() > 0) {
      output.close();
      throw notEmpty(target);
    }
    return new Emission(file, output, new Set(external));
  } catch (error) {
    await file.close();
    throw error;
  }
}

function checkExternal({ name, stream }: MappedSource, external: readonly string[]): void {
  const stranger = external.find((block) => !stream.ramBlocks.some((known) => known.name === block));
  if (stranger === undefined) return;
  throw fail('internal', 'splitting a file', `it has no RAM block ${stranger}`, 'Report this with the details.', {
    where: { path: name },
  });
}

class Emission implements Transfer {
  readonly form = 'mapped-ram';
  readonly #file: MappedSource;
  readonly #output: StreamOutput;
  readonly #external: ReadonlySet<string>;
  readonly #pageSize: number;
  readonly #scratch = Buffer.allocUnsafeSlow(READ_BYTES);
  /** The block of the last record, which CONTINUE means. */
  #block: RamBlock | null = null;
  #pages = 0;
  #zeroPages = 0;
  readonly #allPages: number;

  constructor(file: MappedSource, output: StreamOutput, external: ReadonlySet<string>) {
    this.#file = file;
    this.#output = output;
    this.#external = external;
    this.#pageSize = file.pageSize;
    this.#allPages = this.#inStream().reduce((sum, { header }) => sum + (header?.pagesTotal ?? 0), 0);
  }

  async run(turn: Turn): Promise<void> {
    const { stream } = this.#file;
    const put = (bytes: Uint8Array): Promise<void> => this.#output.put(bytes, turn);
    const copy = (from: number, to: number): Promise<void> => this.#file.eachChunk(from, to, put);
    await copy(stream.header.offset, endOf(stream.header));
    // Without mapped-ram, and without x-ignore-shared: the blocks are listed without their addresses.
    await put(this.#file.configurationWith([]));
    // Sections of devices that are set up early, and the header of RAM's own.
    await copy(this.#file.headEnd, stream.ramTotal?.record.offset ?? this.#file.headEnd);
    await put(encodeRamTotal(stream.ramBlocks.reduce((sum, { usedLength }) => sum + usedLength, 0)));
    for (const { name, usedLength } of stream.ramBlocks) await put(encodeBlockRecord(name, usedLength));
    for (const block of this.#inStream()) await this.#emitBlock(block, turn);
    // The word that ends RAM's first section, its footer, and all that follows.
    await copy(this.#file.listEnd, stream.end);
    await this.#output.flush(turn);
  }

  progress(): ReturnType<Transfer['progress']> {
    return {
      bytesRead: this.#file.bytesRead,
      bytesWritten: this.#output.bytesWritten,
      pages: this.#pages,
      zeroPages: this.#zeroPages,
      fraction: this.#allPages === 0 ? 1 : (this.#pages + this.#zeroPages) / this.#allPages,
    };
  }

  async close(): Promise<void> {
    this.#output.close();
    await this.#file.close();
  }

  #inStream(): readonly RamBlock[] {
    return this.#file.stream.ramBlocks.filter(({ name }) => !this.#external.has(name));
  }

  /**
   * Every page of a block: what is in the file as PAGE, all others as ZERO, also those that nobody ever wrote. The VM that loads
   * this may have put something there when it was started.
   */
  async #emitBlock(block: RamBlock, turn: Turn): Promise<void> {
    const pagesOffset = block.header?.mapped?.pages.offset ?? 0;
    const pageSize = this.#pageSize;
    await this.#file.eachRun(block, READ_BYTES / pageSize, async (first, end, present) => {
      if (turn.due) await turn.pass();
      if (present) this.#file.readInto(this.#scratch, 0, (end - first) * pageSize, pagesOffset + first * pageSize);
      for (let page = first; page < end; page++) {
        if (this.#output.room < LONGEST_FRONT + pageSize) await this.#output.flush(turn);
        const { buffer, used } = this.#output;
        const flag = present ? RAM_FLAG.page : RAM_FLAG.zero;
        let at = used + this.#front(buffer, used, block, page * pageSize, flag);
        if (present) at += this.#scratch.copy(buffer, at, (page - first) * pageSize, (page - first + 1) * pageSize);
        else buffer[at++] = 0;
        this.#output.add(at - used);
      }
      if (present) this.#pages += end - first;
      else this.#zeroPages += end - first;
    });
  }

  /** Puts the front of a record at `at` and answers its length. */
  #front(buffer: Buffer, at: number, block: RamBlock, address: number, flag: number): number {
    const goesOn = this.#block === block;
    const word = address + flag + (goesOn ? RAM_FLAG.continue : 0);
    buffer.writeUInt32BE(Math.floor(word / 2 ** 32), at);
    buffer.writeUInt32BE(word % 2 ** 32, at + 4);
    if (goesOn) return WORD_BYTES;
    this.#block = block;
    const name = encodePageBlock(block.name);
    buffer.set(name, at + WORD_BYTES);
    return WORD_BYTES + name.length;
  }
}
