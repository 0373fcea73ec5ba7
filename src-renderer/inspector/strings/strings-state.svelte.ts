/** Listing strings of the guest's memory: what is looked for, what has come, and the row that is current. */
import { failureOf, type Failure } from '@shared/contracts/failure';
import {
  LEAST_CHARACTERS,
  MAX_FILTER,
  MOST_CHARACTERS,
  type InspectorStringsApi,
  type ListedString,
  type StringsWanted,
} from '@shared/contracts/inspector-strings';
import type { InspectorPort } from '@shared/contracts/inspector-port';
import { MAX_BYTES } from '@shared/contracts/inspector-port';
import type { StringEncoding } from '@shared/contracts/strings';

export const ENCODINGS = [
  { value: 'ascii', text: 'ASCII' },
  { value: 'utf8', text: 'UTF-8' },
  { value: 'utf16', text: 'UTF-16' },
] as const satisfies readonly { readonly value: StringEncoding; readonly text: string }[];

const DECODERS: Readonly<Record<StringEncoding, string>> = { ascii: 'latin1', utf8: 'utf-8', utf16: 'utf-16le' };

export class StringsState {
  readonly #api: InspectorStringsApi & Pick<InspectorPort, 'bytes'>;
  #turn = 0;
  /** How the strings that are listed are written. */
  #listedAs: StringEncoding = 'ascii';

  encoding = $state<StringEncoding>('ascii');
  /** Fewest characters. */
  least = $state(6);
  filter = $state('');
  /** Name of the block to look in; empty: all. */
  block = $state('');
  strings = $state.raw<readonly ListedString[]>([]);
  /** The current row; −1: none. */
  at = $state(-1);
  running = $state(false);
  /** Bytes read, and to be read; null before the first listing. */
  read = $state.raw<{ readonly done: number; readonly bytes: number } | null>(null);
  /** There may be more than are listed. */
  more = $state(false);
  failure = $state.raw<Failure | null>(null);

  constructor(api: InspectorStringsApi & Pick<InspectorPort, 'bytes'>) {
    this.#api = api;
  }

  /** What the fields say, within what may be asked for. */
  get wanted(): StringsWanted {
    const { encoding, least, filter, block } = this;
    return {
      encoding,
      least: Math.min(MOST_CHARACTERS, Math.max(LEAST_CHARACTERS, Math.round(least) || LEAST_CHARACTERS)),
      filter: filter.slice(0, MAX_FILTER),
      ranges: block === '' ? null : [{ block, start: 0, end: Number.MAX_SAFE_INTEGER }],
    };
  }

  /** Lists anew. Resolves when all is read, or another listing has begun. */
  async start(): Promise<void> {
    const turn = (this.#turn += 1);
    const { wanted } = this;
    this.least = wanted.least;
    this.#listedAs = wanted.encoding;
    this.strings = [];
    this.at = -1;
    this.more = false;
    this.failure = null;
    this.read = null;
    this.running = true;
    try {
      const { bytes } = await this.#api.beginStrings(wanted);
      for (let done = false; !done && turn === this.#turn;) {
        const step = await this.#api.nextStrings();
        if (turn !== this.#turn) return;
        if (step.strings.length > 0) this.strings = this.strings.concat(step.strings);
        if (this.at < 0 && this.strings.length > 0) this.at = 0;
        this.read = { done: step.searchedBytes, bytes };
        this.more = step.more;
        done = step.done;
      }
    } catch (error) {
      if (turn === this.#turn) this.failure = failureOf(error, 'looking for strings');
    } finally {
      if (turn === this.#turn) this.running = false;
    }
  }

  /** Ends the listing; what has come stays. */
  async stop(): Promise<void> {
    this.#turn += 1;
    this.running = false;
    await this.#api.endStrings().catch(() => undefined);
  }

  /** The text of a string, as long as one answer of the worker can be. */
  async wholeText({ text, length, fileOffset }: ListedString): Promise<string> {
    const listed = this.#listedAs === 'utf16' ? text.length * 2 : new TextEncoder().encode(text).length;
    if (listed >= length) return text;
    const bytes = await this.#api.bytes(fileOffset, Math.min(length, MAX_BYTES));
    return new TextDecoder(DECODERS[this.#listedAs]).decode(bytes);
  }
}
