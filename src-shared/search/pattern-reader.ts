import { fail } from '../contracts/failure';

/** Reads a pattern character by character, and knows where it is when something is wrong with it. */
export class PatternReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** The character that is next, whole even where it takes two code units; empty at the end. */
  peek(): string {
    const point = this.#text.codePointAt(this.#at);
    return point === undefined ? '' : String.fromCodePoint(point);
  }

  sees(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  next(): string {
    const character = this.peek();
    this.#at += character.length;
    return character;
  }

  /** Steps over `text` if it is next. */
  take(text: string): boolean {
    if (!this.sees(text)) return false;
    this.#at += text.length;
    return true;
  }

  /** Steps over what a sticky expression matches here; null when it does not. */
  takeMatch(sticky: RegExp): RegExpExecArray | null {
    sticky.lastIndex = this.#at;
    const match = sticky.exec(this.#text);
    if (match !== null) this.#at += match[0].length;
    return match;
  }

  /** `usage`: what is wrong at this place, or with the pattern as a whole. */
  refuse(what: string, here = true): Error {
    const place = here ? ` (character ${Math.min(this.#at, this.#text.length) + 1} of ${this.#text})` : '';
    return fail('usage', 'reading the regular expression', `${what}${place}`, 'Change the expression.', {
      where: { field: 'regular expression' },
    });
  }
}
