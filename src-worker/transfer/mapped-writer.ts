/** Writes a mapped-ram file out of what a stream tells, whatever the order and however often it tells it. */
import { countOnes } from '@shared/bytes/bits';
import { joinBytes } from '@shared/bytes/join';
import { fail, type FailureCode } from '@shared/contracts/failure';
import type { CopiedPages, PlannedBlock } from '@shared/contracts/transfer';
import { placeBlocks, planBlocks, planEnd, type PlacedBlock } from '@shared/mapped-ram/plan';
import { encodeMappedHeader } from '@shared/mapped-ram/writer';
import { encodeBlockRecord, encodeRamTotal, encodeStreamHeader } from '@shared/stream/writer';
import { checkCopied, checkPlan, type PagesInPlace } from './pages-in-place';
import { SparsePages } from './sparse-pages';
import { RunBuffer } from './run-buffer';
import type { BlockList, ListedBlock, StreamHead, StreamSink } from './stream-sink';
import type { TargetFile } from './target-file';
import type { Turn } from './turn';

/** Sections in front of the first page are kept until the page size is known, and with it where they go. */
const MOST_HELD = 1024 * 1024;
/** Sections in front of RAM: the largest known has some hundred KiB. */
const MOST_HEAD = 16 * 1024 * 1024;
/** The page size of nearly every target, for a stream without a page. */
const USUAL_PAGE = 4096;
/** Shorter runs are overwritten with zeros: a hole costs 0.1 ms, whatever its length. */
const SHORTEST_HOLE = 64 * 1024;
/** Bytes of magic and version, which are written last (`seal`). */
export const STREAM_HEADER_BYTES = 8;

interface BlockState {
  readonly listed: ListedBlock;
  /** Pages that are in the file and count. */
  readonly present: SparsePages;
  /** Pages that are in the file and were sent as zero later. */
  readonly stale: SparsePages;
  /** Bitmap of a block whose pages were copied by others, as soon as that is known. */
  copied: Uint8Array | null;
  /** Whether the stream said anything of its pages. */
  told: boolean;
}

/**
 * The order of writing makes every unfinished file one that is no stream: records and headers, pages, devices, bitmaps, and
 * only when all is there and proved (`seal`) the eight bytes that a stream begins with.
 */
export class MappedWriter implements StreamSink {
  /** Pages that came with bytes, and as zero; each time that they came. */
  pages = 0;
  zeroPages = 0;
  readonly #target: TargetFile;
  readonly #inPlace: PagesInPlace | null;
  readonly #run: RunBuffer;
  #head: StreamHead | null = null;
  /** Where the next bytes that are copied go: in the head, then behind the pages of the last block. */
  #position = STREAM_HEADER_BYTES;
  #list: BlockList | null = null;
  #states: readonly BlockState[] = [];
  #pageSize = 0;
  #placed: readonly PlacedBlock[] | null = null;
  #held: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(target: TargetFile, inPlace: PagesInPlace | null) {
    this.#target = target;
    this.#inPlace = inPlace;
    this.#run = new RunBuffer(target);
  }

  begin(head: StreamHead): void {
    this.#head = head;
    this.copy(head.configurationWith(['mapped-ram']));
  }

  copy(bytes: Uint8Array): void {
    if (this.#list === null) {
      const limit = Math.min(MOST_HEAD, this.#inPlace?.plan[0]?.pagesOffset ?? MOST_HEAD);
      if (this.#position + bytes.length > limit) {
        throw this.#fail('format.unsupported', `more than ${limit} bytes stand in front of its RAM`);
      }
    } else if (this.#placed === null) {
      this.#held.push(Uint8Array.from(bytes));
      this.#heldBytes += bytes.length;
      if (this.#heldBytes > MOST_HELD) this.#place(USUAL_PAGE);
      return;
    }
    this.#append(bytes);
  }

  list(list: BlockList): void {
    this.#list = list;
    this.#states = list.blocks.map((listed) => ({
      listed,
      present: new SparsePages(),
      stale: new SparsePages(),
      copied: null,
      told: false,
    }));
    if (this.#inPlace === null) return;
    this.#place(checkPlan(list.blocks, this.#inPlace));
  }

  setPageSize(bytes: number): void {
    if (this.#placed === null) this.#place(bytes);
    else if (this.#pageSize !== bytes) {
      throw this.#fail('format.bad-value', `its pages have ${bytes} bytes, and not ${this.#pageSize}`);
    }
  }

  addPages(block: number, address: number, buffer: Buffer, at: number, length: number): void {
    const { state, placed } = this.#told(block);
    this.#run.put(buffer, at, length, placed.pagesOffset + address);
    const first = address / this.#pageSize;
    const end = first + length / this.#pageSize;
    for (let page = first; page < end; page++) state.present.add(page);
    if (state.stale.size > 0) for (let page = first; page < end; page++) state.stale.delete(page);
    this.pages += end - first;
  }

  fillPage(block: number, address: number, fill: number): void {
    // Until there is a first page, no page is in the file that a zero page could replace.
    if (fill !== 0 && this.#placed === null) this.#place(USUAL_PAGE);
    if (fill !== 0) {
      this.addPages(block, address, Buffer.alloc(this.#pageSize, fill), 0, this.#pageSize);
      return;
    }
    this.zeroPages++;
    const state = this.#states[block];
    if (state === undefined) throw new RangeError(`there is no block ${block}`);
    state.told = true;
    if (this.#placed === null) return;
    const page = address / this.#pageSize;
    if (state.present.delete(page)) state.stale.add(page);
  }

  /** Writes what is held back. The stream was read to its end; `format.bad-value` when it had no RAM. */
  flush(): void {
    if (this.#list === null) throw this.#fail('format.bad-value', 'it has no RAM section');
    if (this.#placed === null) this.#place(USUAL_PAGE);
    this.#run.flush();
  }

  /** Says which pages others copied; `save.incomplete` when they are not pages of blocks that they were to copy. */
  setCopied(copied: CopiedPages): void {
    if (this.#inPlace !== null) checkCopied(this.#inPlace, copied);
    const bitmaps = new Map(Object.entries(copied));
    for (const state of this.#states) state.copied = bitmaps.get(state.listed.name) ?? null;
  }

  /**
   * Writes what is still to be written, bitmaps last: all of the file but its first eight bytes. `format.bad-value` when the
   * stream had no RAM, `save.incomplete` when nobody has the pages of a block.
   */
  async finish(turn: Turn): Promise<void> {
    this.flush();
    this.#checkTold();
    for (const [index, { pagesOffset }] of (this.#placed ?? []).entries()) {
      for (const [first, end] of this.#states[index]?.stale.runs() ?? []) {
        const [offset, length] = [pagesOffset + first * this.#pageSize, (end - first) * this.#pageSize];
        if (length < SHORTEST_HOLE) this.#target.zero(offset, length);
        else this.#target.clear(offset, length);
        if (turn.due) await turn.pass();
      }
    }
    for (const [index, { bitmap }] of (this.#placed ?? []).entries()) {
      const state = this.#states[index];
      const parts = state === undefined ? [] : state.copied === null ? state.present.parts() : [whole(state.copied)];
      for (const { at, bytes } of parts) {
        const length = Math.min(bytes.length, bitmap.length - at);
        this.#target.write(bytes.subarray(0, length), bitmap.offset + at);
        if (turn.due) await turn.pass();
      }
    }
  }

  /** The bytes that the file begins with. */
  get streamHeader(): Uint8Array {
    return encodeStreamHeader(this.#head?.version ?? 3);
  }

  /** Pages that are in the file: those that came with the stream, and all. */
  counts(): { readonly stream: number; readonly present: number } {
    let [stream, present] = [0, 0];
    for (const state of this.#states) {
      stream += state.present.size;
      present += state.copied === null ? state.present.size : countOnes(whole(state.copied).bytes);
    }
    return { stream, present };
  }

  #told(block: number): { readonly state: BlockState; readonly placed: PlacedBlock } {
    const [state, placed] = [this.#states[block], this.#placed?.[block]];
    if (state === undefined || placed === undefined) throw new RangeError(`there is no block ${block}`);
    state.told = true;
    return { state, placed };
  }

  /** With x-ignore-shared a stream may lack a block; otherwise one without any page is one that has no memory plugged in. */
  #checkTold(): void {
    const mayLack = this.#head?.configuration?.capabilities.includes('x-ignore-shared') ?? false;
    if (!mayLack && this.#inPlace === null) return;
    for (const { listed, told, copied } of this.#states) {
      if (told || copied !== null || listed.usedLength === 0) continue;
      throw this.#fail(
        this.#inPlace === null ? 'format.unsupported' : 'save.incomplete',
        `the memory of ${listed.name} is not in it (capability x-ignore-shared)`,
      );
    }
  }

  #place(pageSize: number): void {
    const list = this.#list;
    if (list === null) throw new Error('pages were told of before their blocks');
    const total = list.blocks.reduce((sum, { usedLength }) => sum + usedLength, 0);
    const front = joinBytes([list.opening, encodeRamTotal(total)]);
    const firstRecord = this.#position + front.length;
    const plan = this.#inPlace?.plan ?? this.#plan(list.blocks, pageSize, firstRecord);
    const placed = placeBlocks(plan, firstRecord);
    this.#append(front);
    for (const block of placed) {
      const bytes = joinBytes([encodeBlockRecord(block.name, block.usedLength), encodeMappedHeader(block)]);
      this.#target.write(bytes, block.recordOffset);
    }
    this.#pageSize = pageSize;
    this.#placed = placed;
    this.#position = planEnd(plan, firstRecord);
    for (const bytes of this.#held) this.#append(bytes);
    this.#held = [];
  }

  #plan(blocks: readonly ListedBlock[], pageSize: number, headBytes: number): readonly PlannedBlock[] {
    try {
      return planBlocks(
        blocks.map((block) => ({ ...block, pageSize })),
        headBytes,
      );
    } catch (cause) {
      throw this.#fail('format.bad-value', cause instanceof Error ? cause.message : String(cause));
    }
  }

  #append(bytes: Uint8Array): void {
    this.#target.write(bytes, this.#position);
    this.#position += bytes.length;
  }

  #fail(code: FailureCode, what: string): Error {
    return fail(code, 'laying the stream out', `the stream cannot be laid out: ${what}`, 'Save the VM again.');
  }
}

/** A copied bitmap as the one part of it, in whole 32-bit words. */
function whole(bitmap: Uint8Array): { readonly at: number; readonly bytes: Uint8Array } {
  if (bitmap.length % 4 === 0) return { at: 0, bytes: bitmap };
  const bytes = new Uint8Array(Math.ceil(bitmap.length / 4) * 4);
  bytes.set(bitmap);
  return { at: 0, bytes };
}
