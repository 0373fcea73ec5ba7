/**
 * Reads an ordinary migration stream forward, once: what a file of QEMU's holds, or what comes out of a pipe while QEMU writes
 * it. Memory is bounded whatever the stream says.
 *
 * RAM's sections are understood. Sections of devices have no length: in front of RAM's END they are followed from footer to
 * footer, and behind it all is copied to the stream's end, so that the bytes of devices cannot mislead.
 */
import { indexOfBytes } from '@shared/bytes/index-of';
import { joinBytes } from '@shared/bytes/join';
import { badValue, fieldOf, readStruct } from '@shared/bytes/table';
import { readUint } from '@shared/bytes/uint';
import type { FileOffset } from '@shared/bytes/units';
import { FOOTER_BYTES, FOOTER_LOOK_AHEAD, goesOn } from '@shared/stream/device-data';
import { COMMANDS, LAYOUT, RAM_FLAG, splitRamWord, TYPE } from '@shared/stream/layout';
import type { Configuration, RamBlock } from '@shared/stream/model';
import { Problems } from '@shared/stream/problems';
import { readRamBlocks } from '@shared/stream/ram-blocks';
import { RAM_VERSION } from '@shared/stream/ram-section';
import { encodeEndOfRam, encodeFooter, encodeRamEnd } from '@shared/stream/writer';
import { PAGE_BITS, readHead, refusal } from './legacy-head';
import { cursorOn, isRecordWord, RecordWalk, truncated } from './record-walk';
import type { StreamInput } from './stream-input';
import type { StreamSink } from './stream-sink';

/** Sections that are started; a VM has as many as devices. */
const MOST_SECTIONS = 16_384;

/** Commands that say how the stream itself is sent. Without the connection that they are about they mean nothing. */
const DROPPED: ReadonlySet<number> = new Set([1, 2]);
const POSTCOPY_ADVISE = 3;
const SWITCHOVER_START = 11;
/**
 * Commands that a loader of a file has to see. An advice of postcopy without a payload is not about RAM: capability
 * dirty-bitmaps has QEMU write it (migration/savevm.c, qemu_savevm_send_postcopy_advise).
 */
const isKept = (command: number, length: number): boolean =>
  command === SWITCHOVER_START || (command === POSTCOPY_ADVISE && length === 0);

/** Reads `input`, which stands where the stream begins, to its end. Rejects with `format.*` and `file.*`. */
export async function readLegacyStream(input: StreamInput, sink: StreamSink): Promise<void> {
  const configuration = await readHead(input, sink);
  await new SectionReader(input, sink, configuration).read();
}

class SectionReader {
  readonly #input: StreamInput;
  readonly #sink: StreamSink;
  readonly #configuration: Configuration | null;
  /** Sections that were started and not ended yet. */
  readonly #open = new Set<number>();
  #started = 0;
  #ram: { readonly id: number; readonly walk: RecordWalk } | null = null;
  /** Whether RAM had a section behind its first. */
  #hasParts = false;
  #endSaid = false;
  /** Null until the first section of RAM tells. */
  #footers: boolean | null = null;
  /** Nothing of RAM is to come: what is left is copied as it stands. */
  #complete = false;

  constructor(input: StreamInput, sink: StreamSink, configuration: Configuration | null) {
    this.#input = input;
    this.#sink = sink;
    this.#configuration = configuration;
  }

  async read(): Promise<void> {
    const input = this.#input;
    while (!this.#complete) {
      if (input.turn.due) await input.turn.pass();
      if (!(await input.ensure(1))) throw truncated(input, 1, 'section type');
      const type = input.buffer[input.at];
      switch (type) {
        case TYPE.eof:
          this.#endRam();
          return this.#rest();
        case TYPE.start:
          await this.#start();
          break;
        case TYPE.full:
          await this.#full();
          break;
        case TYPE.part:
        case TYPE.end:
          await this.#goOn(type === TYPE.end);
          break;
        case TYPE.command:
          await this.#command();
          break;
        default:
          throw badValue(
            cursorOn(input),
            input.offset,
            'section type',
            `0x${Number(type).toString(16)} begins no section here`,
          );
      }
    }
    return this.#rest();
  }

  async #start(): Promise<void> {
    const record = await readStruct(cursorOn(this.#input), LAYOUT.sectionStart);
    const { 'section id': id, name, version } = record.values;
    if (++this.#started > MOST_SECTIONS) throw this.#bad(record.offset, 'section id', 'there are too many sections');
    this.#open.add(id);
    if (name !== 'ram') {
      this.#needFooters(record.offset, name);
      this.#copy(record.length);
      return this.#copyToFooter(id);
    }
    if (version !== RAM_VERSION) {
      throw this.#bad(record.offset, 'version of ram', `it is ${version}, and QEMU loads only ${RAM_VERSION}`);
    }
    if (this.#ram !== null) throw this.#bad(record.offset, 'name', 'RAM is started a second time');
    const { buffer, at } = this.#input;
    const opening = Uint8Array.from(buffer.subarray(at, at + record.length));
    this.#input.take(record.length);
    const walk = await this.#list(opening);
    this.#ram = { id, walk };
    await walk.walkSection();
    this.#footers = (await this.#input.ensure(1)) && this.#input.buffer[this.#input.at] === TYPE.footer;
    await this.#ramFooter(id);
    this.#sink.copy(joinBytes([encodeEndOfRam(), this.#footers ? encodeFooter(id) : new Uint8Array(0)]));
  }

  async #list(opening: Uint8Array): Promise<RecordWalk> {
    const input = this.#input;
    const cursor = cursorOn(input);
    const word = await readStruct(cursor, LAYOUT.ramWord);
    const { address: total, flags } = splitRamWord(word.values.word);
    if (flags !== RAM_FLAG.memSize) throw badValue(cursor, word.offset, 'total', 'RAM does not begin with its blocks');
    const configuration = this.#configuration;
    const address = configuration?.capabilities.includes('x-ignore-shared') ?? false;
    const problems = new Problems();
    const blocks: RamBlock[] = [];
    const shape = configuration === null ? null : { address, header: false };
    await readRamBlocks(cursor, LAYOUT, total, shape, blocks, problems);
    const wrong = problems.list.find(({ severity }) => severity === 'error');
    if (wrong !== undefined) throw this.#bad(wrong.offset ?? word.offset, 'block', wrong.message.replace(/\.$/, ''));
    checkBlocks(input, blocks);
    input.take(cursor.offset - input.offset);
    const bits = configuration?.targetPageBits ?? null;
    const pageSize = bits === null ? null : 2 ** bits;
    this.#sink.list({ opening, blocks, pageSize });
    return new RecordWalk(input, blocks, pageSize, this.#sink);
  }

  /**
   * A device's whole state. Those that are set up early (virtio-mem) stand in front of RAM's first PART, all others behind its
   * last; the stream's own END of RAM, if it has one, is in front of these.
   */
  async #full(): Promise<void> {
    const record = await readStruct(cursorOn(this.#input), LAYOUT.sectionFull);
    const { 'section id': id, name } = record.values;
    if (++this.#started > MOST_SECTIONS) throw this.#bad(record.offset, 'section id', 'there are too many sections');
    if (this.#hasParts) this.#endRam();
    // Without footers nothing tells where it ends, but behind RAM's parts no device is followed by more of them.
    if (this.#hasParts && this.#footers === false) {
      this.#complete = true;
      return;
    }
    this.#needFooters(record.offset, name);
    this.#copy(record.length);
    return this.#copyToFooter(id);
  }

  async #goOn(isEnd: boolean): Promise<void> {
    const record = await readStruct(cursorOn(this.#input), isEnd ? LAYOUT.sectionEnd : LAYOUT.sectionPart);
    const id = record.values['section id'];
    if (!this.#open.has(id)) throw this.#bad(record.offset, 'section id', `no section ${id} is open here`);
    if (this.#ram?.id !== id) {
      this.#copy(record.length);
      if (isEnd) this.#open.delete(id);
      return this.#copyToFooter(id);
    }
    this.#input.take(record.length);
    await this.#ram.walk.walkSection();
    await this.#ramFooter(id);
    this.#hasParts = true;
    if (!isEnd) return;
    this.#endRam();
    this.#complete = true;
  }

  /**
   * RAM has an END where the stream has one, or in front of the devices that follow its parts: QEMU's background snapshots write
   * none. PARTs are dropped, since pages are found by their bitmap.
   */
  #endRam(): void {
    if (this.#ram === null || this.#endSaid) return;
    this.#endSaid = true;
    this.#sink.copy(encodeRamEnd(this.#ram.id, this.#footers === true));
  }

  async #command(): Promise<void> {
    const cursor = cursorOn(this.#input);
    const record = await readStruct(cursor, LAYOUT.command);
    const { command, length } = record.values;
    const name = COMMANDS[command];
    if (name === undefined || command === 0) {
      throw this.#bad(fieldOf(record, 'command').offset, 'command', `${command} is no command`);
    }
    if (!isKept(command, length) && !DROPPED.has(command)) {
      const place = fieldOf(record, 'command').offset;
      throw refusal(this.#input, place, 'command', `the command ${name} belongs to postcopy or to a VM that goes on`);
    }
    if (!(await this.#input.ensure(record.length + length))) {
      throw truncated(this.#input, record.length + length, 'payload of a command');
    }
    if (DROPPED.has(command)) this.#input.take(record.length + length);
    else this.#copy(record.length + length);
  }

  /**
   * Copies the bytes of a section to behind its footer. Where nothing looks like that footer, all is copied: whether it is a
   * whole stream's end is for the parser to say.
   */
  async #copyToFooter(id: number): Promise<void> {
    const input = this.#input;
    for (;;) {
      const more = await input.ensure(FOOTER_LOOK_AHEAD * 2);
      const { buffer, at, end } = input;
      const last = more ? end - FOOTER_LOOK_AHEAD : end;
      const found = this.#footerIn(buffer.subarray(at, end), id, last - at);
      if (found !== null) {
        this.#copy(found + FOOTER_BYTES);
        return;
      }
      this.#copy(last - at);
      if (!more) {
        this.#complete = true;
        return;
      }
      if (input.turn.due) await input.turn.pass();
    }
  }

  #footerIn(bytes: Uint8Array, id: number, limit: number): number | null {
    const footer = encodeFooter(id);
    for (let at = indexOfBytes(bytes, footer, 0); at >= 0 && at < limit; at = indexOfBytes(bytes, footer, at + 1)) {
      if (this.#goesOn(bytes.subarray(at + FOOTER_BYTES, at + FOOTER_LOOK_AHEAD))) return at;
    }
    return null;
  }

  /** Whether what follows a footer makes sense; where RAM would go on, it has to begin with a record. */
  #goesOn(ahead: Uint8Array): boolean {
    if (!goesOn(ahead, (section) => this.#open.has(section))) return false;
    const [type] = ahead;
    if (this.#ram === null || (type !== TYPE.part && type !== TYPE.end)) return true;
    return readUint(ahead, 1, 4) !== this.#ram.id || (ahead.length >= 13 && isRecordWord(readUint(ahead, 5, 8)));
  }

  async #ramFooter(id: number): Promise<void> {
    if (this.#footers === false) return;
    const footer = await readStruct(cursorOn(this.#input), LAYOUT.footer);
    const found = footer.values['section id'];
    if (found !== id)
      throw this.#bad(footer.offset, 'section id', `the footer is that of section ${found}, not of ${id}`);
    this.#input.take(footer.length);
  }

  /** Copies all that is left. */
  async #rest(): Promise<void> {
    const input = this.#input;
    while (await input.ensure(1)) {
      this.#copy(input.end - input.at);
      if (input.turn.due) await input.turn.pass();
    }
  }

  #copy(length: number): void {
    const { buffer, at } = this.#input;
    this.#input.take(length);
    this.#sink.copy(buffer.subarray(at, at + length));
  }

  #needFooters(offset: FileOffset, name: string): void {
    if (this.#footers !== false) return;
    const what = `section ${name} stands between those of RAM, and footers are off: nothing tells where it ends`;
    throw refusal(this.#input, offset, 'section', what);
  }

  #bad(offset: number, field: string, what: string): Error {
    return badValue(cursorOn(this.#input), offset, field, what);
  }
}

function checkBlocks(input: StreamInput, blocks: readonly RamBlock[]): void {
  for (const { name, usedLength, record, header, hostPageSize } of blocks) {
    const { offset } = fieldOf(record, 'name');
    if (header !== null) throw refusal(input, record.offset, 'block', 'this is a mapped-ram file already');
    if (hostPageSize !== null) {
      const what = `${name} tells a page size of its own, as for postcopy (capability postcopy-ram)`;
      throw refusal(input, hostPageSize.offset, 'block page size', what);
    }
    if (name.includes('\ufffd')) throw badValue(cursorOn(input), offset, 'name', 'it is not UTF-8');
    if (usedLength % 2 ** PAGE_BITS.least !== 0) {
      throw badValue(cursorOn(input), offset, 'used length', `${usedLength} bytes of ${name} are no whole pages`);
    }
  }
}
