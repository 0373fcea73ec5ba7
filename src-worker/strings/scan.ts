import { MOST_STRING_BYTES, type FoundString, type StringEncoding } from '@shared/contracts/strings';
import type { GuestFile } from '../guest/guest-file';
import type { Unit } from '../search/unit';
import { KIND, READ_PAST, runsOver, type Runs } from './kernels';
import { utf8Parts } from './utf8';

/** Bytes that are looked at in one go. */
const CHUNK_BYTES = 1024 * 1024;
/** How far behind its unit a string is followed. */
const FOLLOWED_BYTES = 64 * 1024;
/** Longest character that may reach into a unit from before it. */
const BEFORE_BYTES = 4;
/** Before the chunk in memory, so that no place is 0. */
const HEAD_BYTES = 64;
const WASM_PAGE = 64 * 1024;
/** No string at all has fewer bytes than this. */
const LEAST_RUN = 2;

/** Finds the strings that begin in units of one file. */
export class StringScan {
  readonly #file: GuestFile;
  readonly #encoding: StringEncoding;
  readonly #least: number;
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;
  readonly #out: number;
  readonly #runs: Runs;

  /** `least`: fewest characters of a string, at least 2. */
  constructor(file: GuestFile, encoding: StringEncoding, least: number) {
    this.#file = file;
    this.#encoding = encoding;
    this.#least = Math.max(LEAST_RUN, least);
    this.#out = HEAD_BYTES + CHUNK_BYTES + READ_PAST;
    // A run is followed by at least one byte that is in none; each takes 8 bytes in the list.
    const listBytes = Math.ceil(CHUNK_BYTES / (LEAST_RUN + 1) + 2) * 8;
    const pages = Math.ceil((this.#out + listBytes) / WASM_PAGE);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.#bytes = Buffer.from(memory.buffer);
    this.#words = new Uint32Array(memory.buffer);
    this.#runs = runsOver(memory);
  }

  /** Throws `file.*`. */
  scan(unit: Unit): readonly FoundString[] {
    const { block, start, end } = unit;
    const found: FoundString[] = [];
    const stop = Math.min(block.length, end + FOLLOWED_BYTES);
    // A string that began before the unit is seen by its last character there.
    for (let at = Math.max(0, start - BEFORE_BYTES); at < end;) {
      const group = this.#file.group(block, at, Math.min(stop, at + CHUNK_BYTES));
      if (group.start >= group.stop) {
        at = Math.max(at + 1, block.present.next(Math.floor(at / block.pageSize), block.pages, true) * block.pageSize);
        continue;
      }
      at = this.#scanGroup(unit, group.start, group.stop, found);
    }
    return found.filter(({ blockOffset }) => blockOffset >= start && blockOffset < end);
  }

  /** The strings between two places; answers where to go on: at a string that may go on behind `to`, else at `to`. */
  #scanGroup({ block }: Unit, from: number, to: number, found: FoundString[]): number {
    const length = to - from;
    this.#file.read(block, from, this.#bytes.subarray(HEAD_BYTES, HEAD_BYTES + length));
    const follows = to < block.length && block.present.has(Math.floor(to / block.pageSize));
    // What follows is a zero of an absent page, or not known yet; behind the block there is nothing.
    this.#bytes[HEAD_BYTES + length] = to < block.length ? 0 : 0xff;
    const runs = this.#listRuns(length);
    const open = follows ? runs.filter((run) => run.reaches).map((run) => run.start) : [];
    const next = Math.min(length, ...open);
    // A run as long as all that was read is told in parts.
    const limit = next === 0 ? length : next;
    for (const run of runs) if (run.start < limit) this.#add(found, from, run);
    return from + limit;
  }

  #listRuns(length: number): readonly Run[] {
    if (this.#encoding !== 'utf16') {
      const kind = this.#encoding === 'ascii' ? KIND.ascii : KIND.high;
      return this.#list(length, kind, this.#least, 0);
    }
    const even = this.#list(length, KIND.utf16Even, this.#least * 2, 0);
    const odd = this.#list(length, KIND.utf16Odd, this.#least * 2, 1);
    return [...even, ...odd].sort((a, b) => a.start - b.start);
  }

  /** Runs as distances from the chunk's start. */
  #list(length: number, kind: number, least: number, shift: number): Run[] {
    const last = this.#runs(HEAD_BYTES, HEAD_BYTES + length, kind, least, this.#out);
    const runs: Run[] = [];
    for (let word = this.#out / 4; word * 4 < last; word += 2) {
      const start = (this.#words[word] ?? 0) - HEAD_BYTES;
      const end = (this.#words[word + 1] ?? 0) - HEAD_BYTES;
      runs.push({ start: start + shift, end: end + shift, reaches: end >= length - 1 });
    }
    return runs;
  }

  #add(found: FoundString[], from: number, { start, end }: Run): void {
    const view = this.#bytes.subarray(HEAD_BYTES + start, HEAD_BYTES + end);
    const add = (offset: number, bytes: Buffer, characters: number, encoding: 'latin1' | 'utf8' | 'utf16le'): void => {
      if (characters < this.#least) return;
      const text = bytes.subarray(0, MOST_STRING_BYTES).toString(encoding);
      found.push({ blockOffset: from + start + offset, length: bytes.length, text });
    };
    if (this.#encoding === 'utf16') add(0, view, view.length / 2, 'utf16le');
    else if (this.#encoding === 'ascii') add(0, view, view.length, 'latin1');
    else
      utf8Parts(view, (offset, length, characters) =>
        add(offset, view.subarray(offset, offset + length), characters, 'utf8'),
      );
  }
}

interface Run {
  readonly start: number;
  readonly end: number;
  /** Whether it ends where the bytes end. */
  readonly reaches: boolean;
}
