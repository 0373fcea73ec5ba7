import type { Anchor } from '@shared/search/anchor';
import { LazyDfa, MATCHED, SPECIAL, UNKNOWN, type State } from '@shared/search/dfa';
import type { Program } from '@shared/search/nfa';
import { AT_END, NO_MORE, STATE, STATE_WORDS, type SearchKernels } from './kernels';
import type { SearchMemory } from './memory';
import { SKIP_TABLE_BYTES, skipTableOf } from './skip-table';

/** Bytes of a transition table. When it is full the automaton begins anew. */
export const TABLE_BYTES = { forwards: 4 * 1024 * 1024, backwards: 1024 * 1024 } as const;
const COLUMNS_BYTES = 256 * 4;
/** Of an automaton besides its table, alignment included. */
export const AUTOMATON_BYTES = COLUMNS_BYTES + STATE_WORDS * 4 + SKIP_TABLE_BYTES + 256 + 5 * 16;
/** An anchor's `most` that stands for "any number": larger than any place in the memory. */
const UNBOUNDED = 0x7fffffff;

/** Where running got to. */
export interface Ran {
  /** No match can follow any more. */
  readonly dead: boolean;
  /** The place where it stopped: the end, or behind the byte that left it dead. */
  readonly place: number;
}

/** An automaton whose table is in a search's memory, where the kernels run through it. Places are in that memory. */
export class Automaton {
  readonly #dfa: LazyDfa;
  readonly #memory: SearchMemory;
  readonly #kernels: SearchKernels;
  readonly #table: Uint32Array;
  readonly #columns: Uint32Array;
  readonly #state: Uint32Array;
  readonly #stateAt: number;
  readonly #direction: 'forwards' | 'backwards';
  #renewed = -1;
  #row = 0;

  constructor(
    program: Program,
    direction: 'forwards' | 'backwards',
    memory: SearchMemory,
    kernels: SearchKernels,
    anchor: Anchor | null,
  ) {
    this.#memory = memory;
    this.#kernels = kernels;
    this.#direction = direction;
    const tableBytes = TABLE_BYTES[direction];
    const tableAt = memory.take(tableBytes);
    const columnsAt = memory.take(COLUMNS_BYTES);
    this.#stateAt = memory.take(STATE_WORDS * 4);
    this.#table = memory.words(tableAt, tableBytes / 4);
    this.#columns = memory.words(columnsAt, 256);
    this.#state = memory.words(this.#stateAt, STATE_WORDS);
    this.#state[STATE.table] = tableAt;
    this.#state[STATE.columns] = columnsAt;
    if (anchor !== null) this.#useAnchor(anchor);
    this.#dfa = new LazyDfa(program, { direction, table: this.#table, columns: this.#columns });
    this.restart();
  }

  /** Forgets what was read. */
  restart(): void {
    this.#row = this.#dfa.start;
    this.#tellStart();
  }

  /** What was read so far, as far as it counts for what follows. */
  save(): State {
    return this.#dfa.stateOf(this.#row);
  }

  /** Goes on as after what was read when `state` was saved. */
  resume(state: State): void {
    this.#row = this.#dfa.rowOf(state);
    this.#tellStart();
  }

  /**
   * Reads the bytes from `from` to before `to`, or backwards those before `from` down to `to`. `matched(place)` is told the
   * last place where a match ends (begins, backwards).
   */
  run(from: number, to: number, matched: (place: number) => void): Ran {
    const state = this.#state;
    const loop = this.#direction === 'forwards' ? this.#kernels.scan : this.#kernels.back;
    for (let at = from; ;) {
      state[STATE.row] = this.#row;
      state[STATE.matched] = 0;
      const ended = loop(at, to, this.#stateAt);
      const place = state[STATE.place] ?? 0;
      const match = state[STATE.matched] ?? 0;
      if (match !== 0) matched(match);
      this.#row = state[STATE.row] ?? 0;
      if (ended === AT_END) return { dead: false, place };
      if (ended === NO_MORE) return { dead: true, place };
      const ahead = this.#direction === 'forwards';
      at = ahead ? place + 1 : place - 1;
      const value = this.#take(this.#memory.bytes[ahead ? place : at] ?? 0);
      if (value % 2 === MATCHED) matched(at);
      if ((value & SPECIAL) !== 0) return { dead: true, place: at };
    }
  }

  /** Reads one byte behind which no match may begin. */
  runLast(byte: number): { readonly dead: boolean; readonly matched: boolean } {
    const value = this.#take(byte, true);
    return { dead: (value & SPECIAL) !== 0, matched: value % 2 === MATCHED };
  }

  /**
   * Reads `count` zeros. Where one zero more changes nothing, all the rest changes nothing: runs of absent pages of any
   * length cost a few steps. `matched(n)` is told behind how many of them a match ended last.
   */
  runZeros(count: number, matched: (zeros: number) => void): { readonly dead: boolean } {
    for (let read = 1; read <= count; read++) {
      const before = this.#row;
      const known = this.#table[(before + (this.#columns[0] ?? 0)) / 4] ?? UNKNOWN;
      const value = known === UNKNOWN ? this.#take(0) : known;
      if ((value & SPECIAL) !== 0) {
        if (value % 2 === MATCHED) matched(read);
        return { dead: true };
      }
      this.#row = value - (value % 2);
      const settled = this.#row === before;
      if (value % 2 === MATCHED) matched(settled ? count : read);
      if (settled) break;
    }
    return { dead: false };
  }

  /** Works a transition out and takes it; answers as `LazyDfa.step`. */
  #take(byte: number, last = false): number {
    const value = this.#dfa.step(this.#row, byte, last);
    if ((value & SPECIAL) === 0) this.#row = value - (value % 2);
    this.#tellStart();
    return value;
  }

  /** The start row changes when the table is begun anew. */
  #tellStart(): void {
    if (this.#renewed === this.#dfa.renewed) return;
    this.#state[STATE.start] = this.#dfa.start;
    this.#renewed = this.#dfa.renewed;
  }

  #useAnchor(anchor: Anchor): void {
    const tableAt = this.#memory.take(SKIP_TABLE_BYTES);
    const leadingAt = this.#memory.take(256);
    this.#memory.view(leadingAt, 256).set(anchor.leading.flags());
    const { how, bytes } = skipTableOf(anchor);
    this.#memory.view(tableAt, SKIP_TABLE_BYTES).set(bytes);
    this.#state[STATE.skip] = how;
    this.#state[STATE.skipTable] = tableAt;
    this.#state[STATE.anchorLength] = anchor.length;
    this.#state[STATE.anchorLeast] = anchor.least;
    this.#state[STATE.anchorMost] = Math.min(UNBOUNDED, anchor.most);
    this.#state[STATE.leading] = leadingAt;
  }
}
