/**
 * What a VMDESCRIPTION tells of a device, with the place of every field worked out: QEMU notes how many bytes it wrote for
 * each (migration/vmstate.c, `vmstate_save_state_v`), so places need no look at the bytes.
 */
import { asciiBytes } from '../bytes/text';
import { JsonMembers, type RepeatingJson } from './repeating-json';

/** One entry of `fields`. */
export interface DescribedField {
  readonly name: string;
  /** Which element of an array it is, where elements are described one by one. */
  readonly index: number | null;
  /** QEMU's word for how the value is written: `uint32`, `struct`, `pci config` … */
  readonly type: string;
  /** Bytes of one element. */
  readonly size: number;
  /** Elements of an array of which only the first is described, because all are alike; null: one value. */
  readonly count: number | null;
  /** Fields inside: of a structure one state, of a list one for each element (and each key), of other fields none. */
  readonly states: readonly DescribedState[];
  /** What is wrong with this entry, as a sentence. Its place is known all the same. */
  readonly wrong: string | null;
}

/** A device, a structure or a subsection. */
export interface DescribedState {
  readonly name: string;
  readonly fields: readonly DescribedField[];
  readonly subsections: readonly DescribedState[];
  /** Where each field and then each subsection begins, in bytes from the first field. */
  readonly starts: readonly number[];
  /** Bytes of all of it, as far as it is known. */
  readonly length: number;
  /** Why nothing is known behind `length`, as a sentence; null: all is known. */
  readonly wrong: string | null;
}

/** Type byte, length byte, name, version (migration/vmstate.c, `vmstate_subsection_save`). */
export const subsectionHeadLength = (name: string): number => 1 + 1 + asciiBytes(name).length + 4;

/** Bytes of a field, all elements together. */
export const lengthOf = ({ size, count }: DescribedField): number => size * (count ?? 1);

/**
 * A device, structure or subsection from its JSON. Never throws: an entry that cannot be used ends the state there, and
 * `wrong` says so. Text and nesting were bounded by the caller.
 */
export function describeState(json: JsonMembers): DescribedState {
  const name = json.get('vmsd_name');
  const draft = new Draft(typeof name === 'string' ? name : '');
  const fields = json.get('fields');
  if (Array.isArray(fields)) draft.addFields(fields as readonly RepeatingJson[]);
  else draft.stop('It lists no fields.');
  const subsections = json.get('subsections');
  if (Array.isArray(subsections)) draft.addSubsections(subsections as readonly RepeatingJson[]);
  return draft.state();
}

class Draft {
  readonly #fields: DescribedField[] = [];
  readonly #subsections: DescribedState[] = [];
  readonly #starts: number[] = [];
  #length = 0;
  #wrong: string | null = null;

  constructor(readonly name: string) {}

  addFields(entries: readonly RepeatingJson[]): void {
    for (const entry of entries) {
      if (this.#wrong !== null) return;
      const field = entry instanceof JsonMembers ? describeField(entry, this.#fields.at(-1)) : null;
      if (field === null) this.stop(`Entry ${this.#fields.length} of its fields has no usable name or size.`);
      else if (this.#claim(lengthOf(field))) this.#fields.push(field);
    }
  }

  addSubsections(entries: readonly RepeatingJson[]): void {
    for (const entry of entries) {
      if (this.#wrong !== null) return;
      const state = entry instanceof JsonMembers ? describeState(entry) : null;
      if (state === null || state.name === '') this.stop(`Subsection ${this.#subsections.length} has no name.`);
      else if (this.#claim(subsectionHeadLength(state.name) + state.length)) {
        this.#subsections.push(state);
        if (state.wrong !== null) this.stop(`The fields of ${state.name} are not all known.`);
      }
    }
  }

  stop(why: string): void {
    this.#wrong ??= why;
  }

  #claim(length: number): boolean {
    if (Number.isSafeInteger(this.#length + length)) {
      this.#starts.push(this.#length);
      this.#length += length;
      return true;
    }
    this.stop(`The size of entry ${this.#starts.length} is beyond 2^53.`);
    return false;
  }

  state(): DescribedState {
    return {
      name: this.name,
      fields: this.#fields,
      subsections: this.#subsections,
      starts: this.#starts,
      length: this.#length,
      wrong: this.#wrong,
    };
  }
}

/** null: without a name or a size nothing behind it has a place. */
function describeField(json: JsonMembers, before: DescribedField | undefined): DescribedField | null {
  const [name, size, type, arrayLength] = ['name', 'size', 'type', 'array_len'].map((key) => json.get(key));
  if (typeof name !== 'string' || !isSize(size)) return null;
  if (arrayLength !== undefined && (!isSize(arrayLength) || arrayLength === 0)) return null;
  const struct = json.get('struct');
  const states = struct instanceof JsonMembers ? [describeState(struct)] : inlineStates(json);
  const [only] = states;
  const differs = struct instanceof JsonMembers && only !== undefined && (only.length !== size || only.wrong !== null);
  return {
    name,
    index: indexOf(json, name, before),
    type: typeof type === 'string' ? type : 'unknown',
    size,
    count: arrayLength ?? null,
    states,
    wrong: differs
      ? (only.wrong ?? `Its size is ${size} bytes, and that of the fields inside is ${only.length}.`)
      : null,
  };
}

/** QEMU gives the last element of an array no index (`vmsd_desc_field_start`: one is left, so it takes it for no array). */
function indexOf(json: JsonMembers, name: string, before: DescribedField | undefined): number | null {
  const index = json.get('index');
  if (isSize(index)) return index;
  const follows = before?.name === name && before.index !== null && before.count === null;
  return follows ? before.index + 1 : null;
}

/** States that stand in the field's own object: of `vstruct` and `tmp` one, of lists one after another. */
function inlineStates(json: JsonMembers): readonly DescribedState[] {
  if (json.get('fields') === undefined) return [];
  const groups: (readonly [string, RepeatingJson])[][] = [];
  for (const member of json.members) {
    if (member[0] === 'vmsd_name') groups.push([member]);
    else if (member[0] === 'fields' || member[0] === 'subsections') groups.at(-1)?.push(member);
  }
  return groups.map((members) => describeState(new JsonMembers(members)));
}

const isSize = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
