/** A block as one of the two files has it: its bytes, and what is there instead where it has none. */
import type { BlockReport } from '@shared/contracts/inspect';
import { MAX_BYTES, MAX_SEGMENTS, type InspectorPort, type Segment } from '@shared/contracts/inspector-port';
import { ByteCache } from '../bytes/byte-cache';

/**
 * `bytes`: it has them. `absent`: the page is not in the file, zeros in the guest. `lost`: it should be, and has no bytes.
 * `beyond`: the block has ended, or is not in this file. `unknown`: not asked yet.
 */
export type SideState = 'bytes' | 'absent' | 'lost' | 'beyond' | 'unknown';

/** Segments asked for at once behind the one that holds the first row: more than a screen has pages. */
const ASKED = 128;

export class PairSide {
  readonly #port: Pick<InspectorPort, 'bytes' | 'layout'>;
  /** null: the file has no such block, or not its pages. */
  readonly #place: { readonly offset: number; readonly length: number } | null;
  readonly #cache: ByteCache;
  readonly #onFailure: (error: unknown) => void;
  /** Counts up whenever bytes arrive. */
  arrivals = $state(0);
  #segments = $state.raw<readonly Segment[]>([]);
  #turn = 0;

  constructor(
    port: Pick<InspectorPort, 'bytes' | 'layout'>,
    block: BlockReport | undefined,
    onFailure: (error: unknown) => void,
  ) {
    this.#port = port;
    this.#place =
      block?.pagesOffset == null || block.pagesTotal === null || block.pageSize === null
        ? null
        : { offset: block.pagesOffset, length: block.pagesTotal * block.pageSize };
    this.#onFailure = onFailure;
    this.#cache = new ByteCache(
      (wanted) => Promise.all(wanted.map(({ offset, length }) => port.bytes(offset, length))),
      () => (this.arrivals += 1),
      onFailure,
    );
  }

  /** File offset of a byte of the block; null where this file has none. */
  fileOffset(offset: number): number | null {
    return this.#place !== null && offset < this.#place.length ? this.#place.offset + offset : null;
  }

  stateAt(offset: number): SideState {
    const at = this.fileOffset(offset);
    if (at === null) return 'beyond';
    const segment = this.#segments.find((one) => at >= one.offset && at < one.offset + one.length);
    return segment === undefined ? 'unknown' : stateOf(segment);
  }

  /** Bytes of a row: what the guest had there; null while they are not known. */
  row(offset: number, length: number): Uint8Array | null {
    const state = this.stateAt(offset);
    const at = this.fileOffset(offset);
    if (state === 'unknown') return null;
    if (state !== 'bytes' || at === null) return new Uint8Array(length);
    return this.arrivals >= 0 ? this.#cache.get(at, at + length) : null;
  }

  /** Says which bytes of the block are in view. */
  want(from: number, to: number): void {
    const start = this.fileOffset(from);
    const end = this.#place === null ? 0 : Math.min(to, this.#place.length);
    if (start === null || end <= from) return;
    this.#cache.want([{ from: start, to: start + (end - from) }]);
    if (this.#covers(start, start + (end - from))) return;
    const turn = (this.#turn += 1);
    this.#port.layout(start, 0, ASKED).then(({ segments }) => {
      if (turn === this.#turn) this.#segments = segments;
    }, this.#onFailure);
  }

  /** What the guest had from `from` to before `to`: zeros where the file has nothing. */
  async read(from: number, to: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(to - from);
    const start = this.fileOffset(from);
    if (start === null || this.#place === null) return bytes;
    const end = start + Math.min(to, this.#place.length) - from;
    for (let at = start; at < end;) {
      const { segments } = await this.#port.layout(at, 0, MAX_SEGMENTS);
      let known = at;
      for (const segment of segments) {
        const stop = Math.min(end, segment.offset + segment.length);
        if (stateOf(segment) === 'bytes' && stop > known) await this.#readInto(bytes, start, known, stop);
        known = Math.max(known, stop);
      }
      // A file that has become shorter tells of nothing further.
      if (known === at) break;
      at = known;
    }
    return bytes;
  }

  async #readInto(bytes: Uint8Array, start: number, from: number, to: number): Promise<void> {
    for (let at = from; at < to; at += MAX_BYTES) {
      bytes.set(await this.#port.bytes(at, Math.min(MAX_BYTES, to - at)), at - start);
    }
  }

  #covers(from: number, to: number): boolean {
    const [first, last] = [this.#segments[0], this.#segments.at(-1)];
    return first !== undefined && last !== undefined && from >= first.offset && to <= last.offset + last.length;
  }
}

function stateOf({ kind, pages }: Segment): SideState {
  if (pages === null) return 'bytes';
  if (!pages.present) return 'absent';
  return kind === 'hole' ? 'lost' : 'bytes';
}
