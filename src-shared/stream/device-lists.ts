/**
 * Lists in a device's state. The description gives no count: each element has a mark before it, and its state is described
 * in the list's own object (migration/vmstate-types.c, `put_qtailq`, `put_qlist`, `put_gtree`).
 */
import type { DescribedField, DescribedState } from './described';

/** A stretch of a list's bytes. */
export interface ListItem {
  readonly name: string;
  readonly index: number | null;
  readonly type: string;
  /** Bytes from the list's first. */
  readonly start: number;
  readonly length: number;
  readonly state: DescribedState | null;
  /** It holds no value of the guest's: a mark or a count. */
  readonly framing: boolean;
}

/**
 * What a list's bytes consist of; null when the field is no list, or when its marks are not where the described elements
 * would have them: then its bytes are all that is known.
 */
export function layOutList(field: DescribedField, bytes: Uint8Array): readonly ListItem[] | null {
  if (bytes.length !== field.size) return null;
  const layOut = LAYOUTS.get(field.type);
  if (layOut === undefined || field.states.some(({ wrong }) => wrong !== null)) return null;
  for (const items of layOut(field.states)) if (fits(items, bytes)) return items;
  return null;
}

type LayOut = (states: readonly DescribedState[]) => readonly (readonly ListItem[])[];

const LAYOUTS: ReadonlyMap<string, LayOut> = new Map<string, LayOut>([
  ['qtailq', (states) => [listOf(states)]],
  ['qlist', (states) => [listOf(states)]],
  // A tree's keys are numbers (`VMSTATE_GTREE_DIRECT_KEY_V`) or described before each value; the bytes tell which.
  ['gtree', (states) => [treeWithNumbers(states), treeWithStates(states)]],
]);

const MARK = 1;
const COUNT = 4;
const KEY = 8;

class Row {
  readonly items: ListItem[] = [];
  #end = 0;

  add(name: string, length: number, more: Partial<Pick<ListItem, 'index' | 'type' | 'state' | 'framing'>> = {}): this {
    const { index = null, type = 'framing', state = null, framing = false } = more;
    this.items.push({ name, index, type, start: this.#end, length, state, framing });
    this.#end += length;
    return this;
  }

  mark(name: string): this {
    return this.add(name, MARK, { framing: true });
  }

  state(name: string, index: number, state: DescribedState): this {
    return this.add(name, state.length, { index, type: 'struct', state });
  }
}

function listOf(states: readonly DescribedState[]): readonly ListItem[] {
  const row = new Row();
  for (const [index, state] of states.entries()) row.mark('next').state(state.name, index, state);
  return row.mark('end').items;
}

function treeWithNumbers(states: readonly DescribedState[]): readonly ListItem[] {
  const row = new Row().add('count', COUNT, { framing: true });
  for (const [index, state] of states.entries()) {
    row.mark('next').add('key', KEY, { index, type: 'uint64' }).state(state.name, index, state);
  }
  return row.mark('end').items;
}

function treeWithStates(states: readonly DescribedState[]): readonly ListItem[] {
  const row = new Row().add('count', COUNT, { framing: true });
  for (const [at, state] of states.entries()) {
    const index = Math.floor(at / 2);
    if (at % 2 === 0) row.mark('next').state('key', index, state);
    else row.state(state.name, index, state);
  }
  return row.mark('end').items;
}

/** Every mark says what it stands for, and the last one is the last byte. */
function fits(items: readonly ListItem[], bytes: Uint8Array): boolean {
  const last = items.at(-1);
  if (last === undefined || last.start + last.length !== bytes.length) return false;
  return items.every(({ framing, name, start, length }) => {
    if (!framing || length !== MARK) return true;
    return bytes[start] === (name === 'next' ? 1 : 0);
  });
}
