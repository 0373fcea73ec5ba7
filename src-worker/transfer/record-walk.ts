/** The page records of a legacy stream's RAM sections (migration/ram.c, `ram_load_precopy`), a buffer at a time. */
import { badValue } from '@shared/bytes/table';
import { decodeText } from '@shared/bytes/text';
import { ByteCursor } from '@shared/bytes/cursor';
import { fileOffset, hex } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import { RAM_FLAG, splitRamWord } from '@shared/stream/layout';
import { PROBE_BYTES, probePageSize } from '@shared/stream/page-records';
import type { StreamInput } from './stream-input';
import type { ListedBlock, StreamSink } from './stream-sink';

const WORD_BYTES = 8;
/** A word, a name and a fill byte. */
const LONGEST_FRONT = WORD_BYTES + 256 + 1;
/** QEMU's targets have pages of at least this; all its flags are below it. */
const SMALLEST_PAGE = 1024;

/** Records that send pages some other way than as they are, and how QEMU was told to. */
const REFUSED: readonly (readonly [number, string, string])[] = [
  [RAM_FLAG.xbzrle, 'an XBZRLE record, which holds only what changed of a page', 'capability xbzrle'],
  [RAM_FLAG.compressPage, 'a COMPRESS_PAGE record', 'capability compress'],
  [RAM_FLAG.hook, 'an RDMA HOOK record: pages went over another connection', 'RDMA'],
  [RAM_FLAG.multifdFlush, 'a MULTIFD_FLUSH record: pages went over other connections', 'capability multifd'],
];

/** What stays the same from one RAM section of a stream to the next. */
export class RecordWalk {
  readonly #input: StreamInput;
  readonly #blocks: readonly ListedBlock[];
  readonly #sink: StreamSink;
  readonly #indexes: ReadonlyMap<string, number>;
  #pageSize: number | null;
  /** The block that CONTINUE means. QEMU keeps it from one section to the next. */
  #block = -1;

  constructor(input: StreamInput, blocks: readonly ListedBlock[], pageSize: number | null, sink: StreamSink) {
    this.#input = input;
    this.#blocks = blocks;
    this.#sink = sink;
    this.#indexes = new Map(blocks.map(({ name }, index) => [name, index]));
    this.#pageSize = pageSize;
    if (pageSize !== null) sink.setPageSize(pageSize);
  }

  /** Takes the records of one section, and the word that ends it. */
  async walkSection(): Promise<void> {
    for (;;) {
      const need = this.#walkBuffer();
      if (need === 'end') return;
      if (need === 'page size') await this.#findPageSize();
      else if (!(await this.#input.ensure(need))) throw truncated(this.#input, need, 'page record');
      if (this.#input.turn.due) await this.#input.turn.pass();
    }
  }

  /** Takes whole records while they are in the buffer. Answers how many bytes the next one needs. */
  #walkBuffer(): number | 'page size' | 'end' {
    const { buffer, end } = this.#input;
    let at = this.#input.at;
    for (;;) {
      const start = at;
      if (end - at < WORD_BYTES) return this.#stop(start, WORD_BYTES);
      const upper = buffer.readUInt32BE(at);
      const lower = buffer.readUInt32BE(at + 4);
      at += WORD_BYTES;
      const flags = lower & (SMALLEST_PAGE - 1);
      const address = upper * 2 ** 32 + (lower - flags);
      if (flags === RAM_FLAG.eos && address === 0) {
        this.#input.takeTo(at);
        return 'end';
      }
      const kind = flags & ~RAM_FLAG.continue;
      if (kind !== RAM_FLAG.page && kind !== RAM_FLAG.zero) throw this.#refusal(start, flags);
      if ((flags & RAM_FLAG.continue) === 0) {
        if (end - at < 1) return this.#stop(start, LONGEST_FRONT);
        const length = buffer[at] ?? 0;
        if (end - at < 1 + length) return this.#stop(start, WORD_BYTES + 1 + length);
        this.#block = this.#indexOf(start, buffer.subarray(at + 1, at + 1 + length));
        at += 1 + length;
      }
      const page = kind === RAM_FLAG.page;
      if (page && this.#pageSize === null) return this.#stop(start, 'page size');
      const payload = page ? (this.#pageSize ?? 0) : 1;
      if (end - at < payload) return this.#stop(start, at - start + payload);
      this.#check(start, address);
      if (page) this.#sink.addPages(this.#block, address, buffer, at, payload);
      else this.#sink.fillPage(this.#block, address, buffer[at] ?? 0);
      at += payload;
    }
  }

  #stop<T>(start: number, need: T): T {
    this.#input.takeTo(start);
    return need;
  }

  #check(start: number, address: number): void {
    const block = this.#blocks[this.#block];
    if (block === undefined) throw this.#bad(start, 'RAM word', 'it continues a block before any was named');
    const size = this.#pageSize ?? SMALLEST_PAGE;
    if (address + size > block.usedLength) {
      throw this.#bad(start, 'RAM word', `page ${hex(address)} is past the end of ${block.name}`);
    }
    if (address % size !== 0) throw this.#bad(start, 'RAM word', `${hex(address)} is not the start of a page`);
  }

  #indexOf(start: number, name: Uint8Array): number {
    const text = decodeText(name);
    const index = this.#indexes.get(text);
    if (index === undefined) throw this.#bad(start, 'name', `"${text}" is no RAM block of this stream`);
    return index;
  }

  /** The first page tells the page size, by what follows it. */
  async #findPageSize(): Promise<void> {
    const input = this.#input;
    await input.ensure(LONGEST_FRONT + PROBE_BYTES);
    const { buffer, at, end } = input;
    const named = (buffer.readUInt32BE(at + 4) & RAM_FLAG.continue) === 0;
    const front = WORD_BYTES + (named ? 1 + (buffer[at + WORD_BYTES] ?? 0) : 0);
    this.#pageSize = probePageSize(buffer.subarray(at + front, end));
    if (this.#pageSize === null) {
      throw this.#bad(at, 'page', 'no target page size makes sense of what follows it');
    }
    this.#sink.setPageSize(this.#pageSize);
  }

  #refusal(start: number, flags: number): Error {
    const found = REFUSED.find(([flag]) => (flags & flag) !== 0);
    if (found === undefined) return this.#bad(start, 'RAM word', `flags ${hex(flags)} are those of no record`);
    const [, what, cause] = found;
    const offset = fileOffset(this.#input.offset + (start - this.#input.at));
    return fail(
      'format.unsupported',
      'reading the stream',
      `here is ${what} (${cause})`,
      'Save the VM again without it.',
      { where: { path: this.#input.name, offset, field: 'RAM word' } },
    );
  }

  #bad(start: number, field: string, what: string): Error {
    return badValue(cursorOn(this.#input), this.#input.offset + (start - this.#input.at), field, what);
  }
}

/** Whether a word can begin the data of a RAM section. */
export function isRecordWord(word: number): boolean {
  const { flags } = splitRamWord(word);
  const kind = flags & ~RAM_FLAG.continue;
  const ofPage: readonly number[] = [RAM_FLAG.page, RAM_FLAG.zero, RAM_FLAG.xbzrle, RAM_FLAG.compressPage];
  const alone: readonly number[] = [RAM_FLAG.eos, RAM_FLAG.hook, RAM_FLAG.multifdFlush];
  return alone.includes(word) || (ofPage.includes(kind) && Number.isSafeInteger(word));
}

/** A cursor where the input stands, for parsers of single structures. */
export function cursorOn(input: StreamInput): ByteCursor {
  const { source, size } = input.asSource();
  return new ByteCursor(source, size, input.offset, CURSOR_BYTES);
}

/** No more is waited for than a structure or two: a pipe may have no more for a while. */
const CURSOR_BYTES = 512;

/** `format.truncated`: the stream ends inside `field`, of which `length` bytes are due where the input stands. */
export function truncated(input: StreamInput, length: number, field: string): Error {
  return fail(
    'format.truncated',
    'reading the stream',
    `the stream ends at ${hex(input.offset + (input.end - input.at))}, inside ${field} (${length} bytes are due here)`,
    'The stream is not whole.',
    { where: { path: input.name, offset: input.offset, field } },
  );
}
