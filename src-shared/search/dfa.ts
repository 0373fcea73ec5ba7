/**
 * A regular expression as a deterministic automaton that is made while it runs: a state is a list of steps of the program,
 * and a transition is worked out when it is first taken. One byte then costs one look into a table, whatever the expression.
 *
 * The table lies in memory that is given, so that WASM can run through it (src-worker/search/kernels).
 */
import { ClosureBuilder, type Program } from './nfa';

/** Set in a transition's value when the state it leads to has just matched. */
export const MATCHED = 1;
/** Set when the state cannot be gone on from by the table alone: DEAD or UNKNOWN. */
export const SPECIAL = 2;
/** No match can follow any more. */
export const DEAD = SPECIAL;
/** This transition was not worked out yet. */
export const UNKNOWN = 4 + SPECIAL;

export interface State {
  /** Steps that take a byte. */
  readonly steps: readonly number[];
  /** Whether a new match may begin at every further byte. */
  readonly restarts: boolean;
}

const NO_STEPS: State = { steps: [], restarts: false };

/** A state as text, to look it up by: a character for each step. */
const keyOf = ({ steps, restarts }: State): string => String.fromCharCode(Number(restarts), ...steps);

export interface DfaOptions {
  /** Forwards: leftmost-first, and matches may begin anywhere. Backwards: from one place, as far as it goes. */
  readonly direction: 'forwards' | 'backwards';
  /** Where the table is; its size bounds the number of states. At least 1 MiB for large expressions. */
  readonly table: Uint32Array;
  /** 256 entries: for each byte, what is to be added to a row. */
  readonly columns: Uint32Array;
}

/** Rows are told by their byte offset in the table: state n's row is at n × (classes of bytes) × 4. */
export class LazyDfa {
  readonly #program: Program;
  readonly #table: Uint32Array;
  readonly #forwards: boolean;
  readonly #closure: ClosureBuilder;
  readonly #classes: number;
  readonly #columns: Uint32Array;
  readonly #mostStates: number;
  /** How often all rows were forgotten. */
  renewed = 0;
  #states: State[] = [];
  #ids = new Map<string, number>();

  constructor(program: Program, { direction, table, columns }: DfaOptions) {
    this.#program = program;
    this.#table = table;
    this.#columns = columns;
    this.#forwards = direction === 'forwards';
    this.#closure = new ClosureBuilder(program, this.#forwards);
    const classOf = byteClasses(program);
    this.#classes = Math.max(...classOf) + 1;
    columns.set(classOf.map((column) => column * 4));
    this.#mostStates = Math.floor(table.length / this.#classes);
    if (this.#mostStates < 4) throw new RangeError('the table is too small for a few states');
    this.#forget();
  }

  /** Row of the state in which nothing has been read. */
  get start(): number {
    this.#closure.begin();
    this.#closure.add(this.#program.start);
    return this.rowOf({ steps: this.#closure.list, restarts: this.#forwards });
  }

  /**
   * Works out where `row` goes by `byte` and writes it down. The answer is a row, with MATCHED set if it has matched, or DEAD
   * and perhaps MATCHED. `last`: no match may begin behind this byte; such an answer is not written down.
   *
   * When the table is full all rows are forgotten and `renewed` counts up: the answer is good, rows kept from before are not.
   */
  step(row: number, byte: number, last = false): number {
    const from = this.stateOf(row);
    const closure = this.#closure;
    closure.begin();
    for (const at of from.steps) {
      if (closure.closed) break;
      const step = this.#program.steps[at];
      if (step?.kind === 'byte' && step.set.has(byte)) closure.add(step.next);
    }
    const { matched } = closure;
    const restarts = from.restarts && !closure.closed && !last;
    if (restarts) closure.add(this.#program.start);
    const { list } = closure;
    const before = this.renewed;
    const to = list.length === 0 && !restarts ? DEAD : this.rowOf({ steps: list, restarts });
    const value = to + (matched ? MATCHED : 0);
    if (!last && before === this.renewed) this.#table[(row + (this.#columns[byte] ?? 0)) / 4] = value;
    return value;
  }

  /** What a row stands for, to be gone on from later (`rowOf`) whatever becomes of the table. */
  stateOf(row: number): State {
    const state = this.#states[row / this.#rowBytes];
    if (state === undefined) throw new RangeError(`there is no state at ${row}`);
    return state;
  }

  get #rowBytes(): number {
    return this.#classes * 4;
  }

  /** The row of a state; as after `step`, `renewed` may have counted up. */
  rowOf(state: State): number {
    const key = keyOf(state);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    if (this.#states.length >= this.#mostStates) this.#forget();
    const row = this.#states.length * this.#rowBytes;
    this.#states.push(state);
    this.#ids.set(key, row);
    this.#table.fill(UNKNOWN, row / 4, row / 4 + this.#classes);
    return row;
  }

  #forget(): void {
    this.renewed++;
    this.#ids = new Map([[keyOf(NO_STEPS), 0]]);
    this.#states = [NO_STEPS];
    this.#table.fill(DEAD, 0, this.#classes);
  }
}

/** The class of each byte: bytes of one class are in the same sets of the program, so no state tells them apart. */
function byteClasses(program: Program): number[] {
  let classOf = new Array<number>(256).fill(0);
  for (const step of program.steps) {
    if (step.kind !== 'byte') continue;
    const numbers = new Map<number, number>();
    classOf = classOf.map((old, byte) => {
      const key = old * 2 + Number(step.set.has(byte));
      const number = numbers.get(key) ?? numbers.size;
      numbers.set(key, number);
      return number;
    });
  }
  return classOf;
}
