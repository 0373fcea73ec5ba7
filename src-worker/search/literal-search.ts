import { shareOfMasked } from '@shared/search/frequency';
import type { MaskedBytes } from '@shared/search/needle';
import type { GuestFile } from '../guest/guest-file';
import { nextPiece } from './feed';
import { searchKernelsOver, type SearchKernels } from './kernels';
import { SearchMemory } from './memory';
import { isWhollyAbsent, STEP_MS, type Match, type Unit, type UnitMatches, type UnitSearch } from './unit';

/** Places that the kernel lists in one go. */
const LISTED = 4096;
/** What `SearchMemory.take` may leave unused before each of the three parts. */
const ALIGNMENT = 3 * 16;

/**
 * Every place where bytes stand, those that overlap included. Pages that follow one another in the guest are searched as one
 * stretch, wherever they are in the file; absent pages are zeros, and a match may have some of those but not only those.
 */
export class LiteralSearch implements UnitSearch {
  readonly #file: GuestFile;
  readonly #memory: SearchMemory;
  readonly #kernels: SearchKernels;
  readonly #length: number;
  readonly #needle: number;
  readonly #mask: number;
  readonly #listed: number;
  readonly #probes: readonly [number, number];
  /** Whether zeros alone would be a match. */
  readonly #zeros: boolean;
  /** Bytes before those of the chunk that stand before it in memory: a match can begin in them and end in the chunk. */
  #kept = 0;

  constructor(file: GuestFile, { value, mask }: MaskedBytes) {
    const { length } = value;
    this.#file = file;
    this.#length = length;
    this.#memory = new SearchMemory(length, 2 * length + 4 * LISTED + ALIGNMENT);
    this.#needle = this.#memory.take(length);
    this.#mask = this.#memory.take(length);
    this.#listed = this.#memory.take(4 * LISTED);
    this.#memory.view(this.#needle, length).set(value);
    this.#memory.view(this.#mask, length).set(mask);
    this.#kernels = searchKernelsOver(this.#memory.memory);
    this.#probes = rarestTwo(value, mask);
    this.#zeros = value.every((byte) => byte === 0);
  }

  search(unit: Unit, from: number, most: number): UnitMatches {
    const matches: Match[] = [];
    const overlap = this.#length - 1;
    const stop = Math.min(unit.block.length, unit.end + overlap);
    const { bytes, chunk } = this.#memory;
    const deadline = performance.now() + STEP_MS;
    this.#kept = 0;
    for (let at = from; at < stop;) {
      if (at > from && performance.now() > deadline) return { matches, next: at - this.#kept };
      const piece = nextPiece(this.#file, unit.block, this.#memory, at, stop);
      // Of zeros no more count than a match can reach into, from either side.
      const length = piece.kind === 'zeros' ? Math.min(piece.length, overlap) : piece.length;
      if (piece.kind === 'zeros') bytes.fill(0, chunk, chunk + length);
      if (piece.kind === 'bytes' || this.#kept > 0) {
        const next = this.#scan(unit, at, length, most, matches);
        if (next !== null) return { matches, next };
      }
      this.#keep(length);
      at += piece.length;
    }
    return { matches, next: null };
  }

  /** Lists the matches that end in the chunk's first `length` bytes, which stand at `at`. Answers where to go on when they are too many. */
  #scan(unit: Unit, at: number, length: number, most: number, matches: Match[]): number | null {
    const { chunk } = this.#memory;
    const end = chunk + Math.min(length - this.#length + 1, unit.end - at);
    for (let place = chunk - this.#kept; place < end;) {
      const found = this.#find(place, end);
      for (const match of found) {
        const offset = at + (match - chunk);
        if (this.#zeros && isWhollyAbsent(unit, { offset, length: this.#length })) continue;
        matches.push({ offset, length: this.#length });
        if (matches.length === most) return offset + 1;
      }
      if (found.length < LISTED) return null;
      place = (found.at(-1) ?? end) + 1;
    }
    return null;
  }

  #find(place: number, end: number): Uint32Array {
    const [one, two] = this.#probes;
    const count = this.#kernels.literal(
      place,
      end,
      this.#needle,
      this.#mask,
      this.#length,
      one,
      two,
      this.#listed,
      LISTED,
    );
    return this.#memory.words(this.#listed, count);
  }

  /** Moves the end of what was searched, as far as a match can begin in it, before the chunk. */
  #keep(length: number): void {
    const { bytes, chunk } = this.#memory;
    const kept = Math.min(this.#length - 1, this.#kept + length);
    bytes.copyWithin(chunk - kept, chunk + length - kept, chunk + length);
    this.#kept = kept;
  }
}

/** The places of the two bytes that stand in memory most seldom; the same one twice where only one says anything. */
function rarestTwo(value: Uint8Array, mask: Uint8Array): readonly [number, number] {
  const places = [...value.keys()]
    .map((at) => ({ at, share: shareOfMasked(value[at] ?? 0, mask[at] ?? 0) }))
    .sort((a, b) => a.share - b.share);
  const [one] = places;
  // A byte that is there twice says less the second time.
  const other = places.find(({ at }) => value[at] !== value[one?.at ?? 0]) ?? places[1];
  return [one?.at ?? 0, (other ?? one)?.at ?? 0];
}
