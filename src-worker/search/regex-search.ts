import { chooseAnchor } from '@shared/search/anchor';
import type { State } from '@shared/search/dfa';
import { compileProgram } from '@shared/search/nfa';
import { reversed, type RegexNode } from '@shared/search/regex-tree';
import type { GuestFile } from '../guest/guest-file';
import { Automaton, AUTOMATON_BYTES, TABLE_BYTES } from './automaton';
import { nextPiece } from './feed';
import { READ_PAST, searchKernelsOver } from './kernels';
import { CHUNK_BYTES, SearchMemory } from './memory';
import { isWhollyAbsent, STEP_MS, type Match, type Unit, type UnitMatches, type UnitSearch } from './unit';

/** How far a match is followed behind its unit, or behind the place where it could already end. */
export const MOST_FOLLOWED = 1024 * 1024;
/** Bytes read at a time when a match's start lies before the chunk. */
const BACK_BYTES = 64 * 1024;
/** Behind a match that lies in absent pages alone, the search goes on so far before their end. */
const BEFORE_ABSENT_END = 4096;

/** Bytes read between two looks at the clock where the automaton has to be made anew all the time. */
const SHORT_STRIDE = 8 * 1024;

/** How far the search for the next match is. Block offsets. */
interface Scan {
  /** Where it began: no match begins before. */
  readonly clean: number;
  /** What is read next. */
  at: number;
  /** One past the last byte of a match, as far as it is known. */
  end: number | null;
}

/** The same, put aside. */
interface Waiting extends Scan {
  readonly state: State;
}

/** A chunk of the guest in memory. */
interface Loaded {
  readonly start: number;
  readonly end: number;
}

/**
 * The matches of a regular expression: from left to right, none over another, as Perl and V8 choose them. Pages that follow
 * one another in the guest are one stretch; absent pages are zeros, and a match may have some of those but not only those.
 */
export class RegexSearch implements UnitSearch {
  readonly #file: GuestFile;
  readonly #memory: SearchMemory;
  readonly #forwards: Automaton;
  readonly #backwards: Automaton;
  readonly #backAt: number;
  #loaded: Loaded = { start: 0, end: 0 };
  #stride = CHUNK_BYTES;
  /** Units whose time was up. */
  readonly #waiting = new Map<Unit, Waiting>();

  constructor(file: GuestFile, tree: RegexNode) {
    this.#file = file;
    const tables = TABLE_BYTES.forwards + TABLE_BYTES.backwards + 2 * AUTOMATON_BYTES;
    const memory = new SearchMemory(0, tables + BACK_BYTES + READ_PAST);
    const kernels = searchKernelsOver(memory.memory);
    this.#memory = memory;
    this.#forwards = new Automaton(compileProgram(tree), 'forwards', memory, kernels, chooseAnchor(tree));
    this.#backwards = new Automaton(compileProgram(reversed(tree)), 'backwards', memory, kernels, null);
    this.#backAt = memory.take(BACK_BYTES);
  }

  search(unit: Unit, from: number, most: number): UnitMatches {
    const matches: Match[] = [];
    const deadline = performance.now() + STEP_MS;
    const waiting = this.#waiting.get(unit);
    this.#waiting.delete(unit);
    this.#loaded = { start: 0, end: 0 };
    let scan = waiting?.at === from ? this.#goOn(waiting) : this.#begin(from);
    for (;;) {
      const ended = this.#follow(unit, scan, deadline);
      if (ended === 'later') {
        this.#waiting.set(unit, { ...scan, state: this.#forwards.save() });
        return { matches, next: scan.at };
      }
      if (scan.end === null) return { matches, next: null };
      const offset = this.#startOf(unit, scan.end, scan.clean);
      const match = { offset, length: scan.end - offset };
      let next = scan.end;
      if (isWhollyAbsent(unit, match)) next = Math.max(next, this.#absentEnd(unit, next - 1) - BEFORE_ABSENT_END);
      else matches.push(match);
      if (next >= unit.end) return { matches, next: null };
      if (matches.length === most) return { matches, next };
      scan = this.#begin(next);
    }
  }

  #begin(from: number): Scan {
    this.#forwards.restart();
    return { clean: from, at: from, end: null };
  }

  #goOn({ state, ...scan }: Waiting): Scan {
    this.#forwards.resume(state);
    return scan;
  }

  /**
   * Reads on until the first match that begins at or behind `scan.clean` and before the unit's end is known: `scan.end` is
   * then one past its last byte, null without one. Answers `later` when the time is up before that.
   */
  #follow(unit: Unit, scan: Scan, deadline: number): 'known' | 'later' {
    const automaton = this.#forwards;
    const stop = Math.min(unit.block.length, unit.end + MOST_FOLLOWED);
    let began = performance.now();
    while (scan.at < stop && (scan.end === null || scan.at - scan.end <= MOST_FOLLOWED)) {
      const { at } = scan;
      // The last byte at which a match may begin is read by itself.
      const upTo = at < unit.end - 1 ? unit.end - 1 : at === unit.end - 1 ? unit.end : stop;
      const piece = this.#piece(unit, at, upTo);
      let { length } = piece;
      let dead: boolean;
      if (upTo === unit.end) {
        const last = automaton.runLast(piece.kind === 'zeros' ? 0 : (this.#memory.bytes[this.#placeOf(at)] ?? 0));
        if (last.matched) scan.end = at + 1;
        dead = last.dead;
      } else if (piece.kind === 'zeros') {
        ({ dead } = automaton.runZeros(piece.length, (zeros) => (scan.end = at + zeros)));
      } else {
        const place = this.#placeOf(at);
        length = Math.min(length, this.#stride);
        ({ dead } = automaton.run(place, place + length, (matched) => (scan.end = at + (matched - place))));
      }
      if (dead) return 'known';
      scan.at = at + length;
      const now = performance.now();
      this.#stride = now - began > STEP_MS / 4 ? SHORT_STRIDE : Math.min(CHUNK_BYTES, this.#stride * 2);
      if (now > deadline) return 'later';
      began = now;
    }
    return 'known';
  }

  /** What stands at `at`: from the chunk that is loaded, or the next one. */
  #piece(unit: Unit, at: number, upTo: number): { readonly kind: 'bytes' | 'zeros'; readonly length: number } {
    if (at >= this.#loaded.start && at < this.#loaded.end) {
      return { kind: 'bytes', length: Math.min(upTo, this.#loaded.end) - at };
    }
    // Loaded beyond `upTo`, so that the one byte before a unit's end is no read of its own.
    const stop = Math.min(unit.block.length, unit.end + MOST_FOLLOWED);
    const piece = nextPiece(this.#file, unit.block, this.#memory, at, stop);
    if (piece.kind === 'bytes') this.#loaded = { start: at, end: at + piece.length };
    return { kind: piece.kind, length: Math.min(piece.length, upTo - at) };
  }

  #placeOf(offset: number): number {
    return this.#memory.chunk + (offset - this.#loaded.start);
  }

  /** Where the match begins that ends before `end`: as far back as one can, but not before `least`. */
  #startOf(unit: Unit, end: number, least: number): number {
    const automaton = this.#backwards;
    automaton.restart();
    let start = end;
    for (let at = end; at > least;) {
      const { kind, from, place } = this.#pieceBefore(unit, at, least);
      const behind = at;
      const { dead } =
        kind === 'zeros'
          ? automaton.runZeros(behind - from, (zeros) => (start = behind - zeros))
          : automaton.run(place + (behind - from), place, (matched) => (start = from + (matched - place)));
      if (dead) break;
      at = from;
    }
    return start;
  }

  /** What stands before `at`, down to `from`, and for bytes where they are in memory. */
  #pieceBefore(
    unit: Unit,
    at: number,
    least: number,
  ): { readonly kind: 'bytes' | 'zeros'; readonly from: number; readonly place: number } {
    const { start, end } = this.#loaded;
    if (at > start && at <= end) {
      const from = Math.max(least, start);
      return { kind: 'bytes', from, place: this.#placeOf(from) };
    }
    const { block } = unit;
    const from = Math.max(least, at - BACK_BYTES);
    const group = this.#file.group(block, from, at);
    if (group.stop === group.start) return { kind: 'zeros', from, place: 0 };
    this.#file.read(block, from, this.#memory.view(this.#backAt, at - from));
    return { kind: 'bytes', from, place: this.#backAt };
  }

  /** Where the run of absent pages ends that holds `offset`. */
  #absentEnd({ block }: Unit, offset: number): number {
    return block.present.next(Math.floor(offset / block.pageSize), block.pages, true) * block.pageSize;
  }
}
