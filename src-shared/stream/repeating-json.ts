/**
 * JSON in which a key may stand several times in one object. QEMU writes such: of a list (`qtailq`, `gtree`) it describes
 * each element in the object of the list itself, so `fields` repeats there (migration/vmstate-types.c, `put_qtailq`), and
 * `JSON.parse` would keep the last one only.
 */

export type RepeatingJson = string | number | boolean | null | readonly RepeatingJson[] | JsonMembers;

/** An object's members in the order in which they stand. */
export class JsonMembers {
  constructor(readonly members: readonly (readonly [string, RepeatingJson])[]) {}

  /** The value of a key; of the last one when there are several, as `JSON.parse` has it. */
  get(key: string): RepeatingJson | undefined {
    return this.members.findLast(([name]) => name === key)?.[1];
  }
}

const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const WORD = /-?\d[\d.eE+-]*|true|false|null/y;

/**
 * Reads a text that is nested at most as deep as the caller allowed (it recurses). Throws SyntaxError for what is no JSON.
 */
export function parseRepeatingJson(text: string): RepeatingJson {
  const reader = new Reader(text);
  const value = reader.value();
  reader.end();
  return value;
}

class Reader {
  #at = 0;

  constructor(readonly text: string) {}

  value(): RepeatingJson {
    this.#match(SPACE);
    switch (this.text[this.#at]) {
      case '{':
        return new JsonMembers(this.#list('}', () => this.#member()));
      case '[':
        return this.#list(']', () => this.value());
      case '"':
        return this.#string();
      default:
        return this.#scalar(this.#match(WORD));
    }
  }

  end(): void {
    this.#match(SPACE);
    if (this.#at !== this.text.length) throw this.#unexpected();
  }

  #member(): readonly [string, RepeatingJson] {
    this.#match(SPACE);
    const key = this.#string();
    this.#match(SPACE);
    this.#take(':');
    return [key, this.value()];
  }

  #list<T>(close: string, item: () => T): readonly T[] {
    const items: T[] = [];
    this.#at += 1;
    this.#match(SPACE);
    if (this.text[this.#at] === close) {
      this.#at += 1;
      return items;
    }
    for (;;) {
      items.push(item());
      this.#match(SPACE);
      if (this.text[this.#at] === close) {
        this.#at += 1;
        return items;
      }
      this.#take(',');
    }
  }

  #string(): string {
    const raw = this.#match(STRING);
    if (raw === '') throw this.#unexpected();
    return raw.includes('\\') ? String(JSON.parse(raw)) : raw.slice(1, -1);
  }

  #scalar(word: string): number | boolean | null {
    if (word === '') throw this.#unexpected();
    return JSON.parse(word) as number | boolean | null;
  }

  #take(mark: string): void {
    if (this.text[this.#at] !== mark) throw this.#unexpected();
    this.#at += 1;
  }

  /** What `pattern` matches here, stepped over; empty when it does not. */
  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #unexpected(): SyntaxError {
    return new SyntaxError(`unexpected ${this.text[this.#at] ?? 'end'} at ${this.#at}`);
  }
}
