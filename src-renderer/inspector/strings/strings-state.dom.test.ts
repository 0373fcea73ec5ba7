import { describe, expect, it, vi } from 'vitest';
import { fail } from '@shared/contracts/failure';
import type {
  InspectorStringsApi,
  ListedString,
  StringsStep,
  StringsWanted,
} from '@shared/contracts/inspector-strings';
import { StringsState } from './strings-state.svelte';

const string = (index: number, over: Partial<ListedString> = {}): ListedString => ({
  block: 'pc.ram',
  blockOffset: index * 16,
  guestPhysical: null,
  fileOffset: 2 ** 20 + index * 16,
  length: 6,
  text: `text ${index}`,
  ...over,
});
const step = (strings: readonly ListedString[], searchedBytes: number, done = false): StringsStep => ({
  strings,
  searchedBytes,
  done,
  more: false,
});

/** A worker that answers with these steps. */
function apiOf(
  steps: readonly StringsStep[],
): ConstructorParameters<typeof StringsState>[0] & { readonly asked: StringsWanted[] } {
  const left = [...steps];
  const asked: StringsWanted[] = [];
  const api: InspectorStringsApi = {
    beginStrings: async (wanted) => {
      asked.push(wanted);
      return { bytes: 1000 };
    },
    nextStrings: async () => left.shift() ?? step([], 1000, true),
    endStrings: async () => undefined,
  };
  return { ...api, asked, bytes: async (_offset, length) => new Uint8Array(length).fill(0x61) };
}

describe('a listing', () => {
  it('grows as strings come, and its first row is current', async () => {
    const state = new StringsState(apiOf([step([], 100), step([string(1)], 500), step([string(2)], 1000, true)]));
    expect(state.read).toBe(null);
    await state.start();
    expect([state.strings.map(({ text }) => text), state.at, state.running, state.read]).toEqual([
      ['text 1', 'text 2'],
      0,
      false,
      { done: 1000, bytes: 1000 },
    ]);
  });

  it('asks for what the fields say, within what may be asked for', async () => {
    const api = apiOf([]);
    const state = new StringsState(api);
    state.encoding = 'utf16';
    state.least = 1.2;
    state.filter = 'x'.repeat(300);
    state.block = 'pc.bios';
    await state.start();
    expect(api.asked).toEqual([
      {
        encoding: 'utf16',
        least: 2,
        filter: 'x'.repeat(200),
        ranges: [{ block: 'pc.bios', start: 0, end: Number.MAX_SAFE_INTEGER }],
      },
    ]);
    state.least = Number.NaN;
    expect(state.wanted.least).toBe(2);
  });

  it('that another one follows adds nothing to it', async () => {
    let release: (answer: StringsStep) => void = () => undefined;
    const slow = new Promise<StringsStep>((done) => (release = done));
    const api = apiOf([step([string(50)], 1000, true)]);
    const nextStrings = vi.fn(api.nextStrings).mockReturnValueOnce(slow);
    const state = new StringsState({ ...api, nextStrings });
    const first = state.start();
    await vi.waitFor(() => expect(nextStrings).toHaveBeenCalled());
    await state.start();
    release(step([string(1), string(2)], 1000, true));
    await first;
    expect(state.strings.map(({ text }) => text)).toEqual(['text 50']);
  });

  it('that is stopped keeps what has come, and asks for nothing more', async () => {
    const api = apiOf([step([string(1)], 100), step([string(2)], 200)]);
    const state: StringsState = new StringsState({
      ...api,
      nextStrings: async () => {
        const answer = await api.nextStrings();
        if (state.strings.length > 0) await state.stop();
        return answer;
      },
    });
    await state.start();
    expect([state.strings.length, state.running, state.read]).toEqual([1, false, { done: 100, bytes: 1000 }]);
  });

  it('that is refused says why', async () => {
    const refused = fail('format.unsupported', 'reading', 'its pages have no fixed places', 'Convert it.');
    const state = new StringsState({ ...apiOf([]), beginStrings: () => Promise.reject(refused) });
    await state.start();
    expect([state.failure?.what, state.running]).toEqual(['its pages have no fixed places', false]);
  });
});

describe('the text that is copied', () => {
  it('is all of it, read where it was cut', async () => {
    const state = new StringsState(apiOf([]));
    expect(await state.wholeText(string(1))).toBe('text 1');
    expect(await state.wholeText(string(1, { text: 'a'.repeat(200), length: 3000 }))).toBe('a'.repeat(3000));
  });

  it('of UTF-16 has two bytes for a letter', async () => {
    const state = new StringsState(apiOf([]));
    state.encoding = 'utf16';
    await state.start();
    expect(await state.wholeText(string(1, { text: 'abc', length: 6 }))).toBe('abc');
    expect(await state.wholeText(string(1, { text: 'abc', length: 8 }))).toBe('\u6161'.repeat(4));
  });
});
