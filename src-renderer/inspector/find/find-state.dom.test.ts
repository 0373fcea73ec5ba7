import { flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fail } from '@shared/contracts/failure';
import type { FoundStep, InspectorFindApi } from '@shared/contracts/inspector-find';
import type { SearchHit, SearchWhat } from '@shared/contracts/search';
import { FindState } from './find-state.svelte';
import FindBar from './FindBar.svelte';

const hit = (index: number): SearchHit => ({
  block: 'pc.ram',
  blockOffset: index * 4096 + 7,
  page: index,
  guestPhysical: index * 4096 + 7,
  fileOffset: 2 ** 20 + index * 4096 + 7,
  present: true,
  length: 6,
  context: `....needle ${index}....`,
  contextHex: '',
  contextOffset: 0,
});
const hits = (from: number, count: number): SearchHit[] =>
  Array.from({ length: count }, (_, index) => hit(from + index));

/** A worker that answers with these steps. */
function apiOf(
  steps: readonly FoundStep[],
): InspectorFindApi & { readonly asked: SearchWhat[]; readonly within: unknown[] } {
  const asked: SearchWhat[] = [];
  const within: unknown[] = [];
  const left = [...steps];
  return {
    asked,
    within,
    beginFind: async (what, ranges) => {
      asked.push(what);
      within.push(ranges);
      return { bytes: 1000 };
    },
    nextFound: async () => left.shift() ?? { hits: [], searchedBytes: 1000, done: true, more: false },
    endFind: async () => undefined,
  };
}
const step = (found: readonly SearchHit[], searchedBytes: number, done = false): FoundStep => ({
  hits: found,
  searchedBytes,
  done,
  more: false,
});

const shown: number[] = [];
const stateOver = (api: InspectorFindApi): FindState =>
  new FindState(api, async ({ fileOffset }) => void shown.push(fileOffset));

beforeEach(() => shown.splice(0));

describe('a search', () => {
  it('goes to the first hit, and from hit to hit around', async () => {
    const state = stateOver(apiOf([step([], 100), step(hits(3, 2), 500), step(hits(9, 1), 1000, true)]));
    await state.start();
    expect([state.at, state.hits.length, state.running, state.searched]).toEqual([
      0,
      3,
      false,
      { done: 1000, bytes: 1000 },
    ]);
    for (const direction of [1, 1, 1, -1, -1] as const) await state.next(direction);
    expect(shown).toEqual([3, 4, 9, 3, 9, 4].map((page) => hit(page).fileOffset));
  });

  it('says what is looked for in each way', () => {
    const state = stateOver(apiOf([]));
    state.text = ' 12';
    const said = (kind: FindState['kind']): SearchWhat => {
      state.kind = kind;
      return state.what;
    };
    expect(said('text')).toEqual({ kind: 'text', text: ' 12', encoding: 'utf8', ignoreCase: false });
    expect(said('hex')).toEqual({ kind: 'hex', hex: ' 12' });
    expect(said('int')).toEqual({ kind: 'int', value: '12', width: null, endian: 'little' });
    state.ignoreCase = true;
    state.utf16 = true;
    expect(said('regex')).toEqual({ kind: 'regex', pattern: ' 12', ignoreCase: true });
    expect(said('text')).toEqual({ kind: 'text', text: ' 12', encoding: 'utf16le', ignoreCase: true });
  });

  it('is limited to pages of a block, until it is not any more', async () => {
    const api = apiOf([]);
    const state = stateOver(api);
    state.limitTo({ name: 'pc.ram', pages: 5000, pageSize: 4096, pagesOffset: 2 ** 20 }, { from: 1234, to: 1236 });
    expect(state.limit?.text.replaceAll('\u00a0', ' ')).toBe('pages 1 234 to 1 235 of pc.ram');
    await state.start();
    state.limit = null;
    await state.start();
    expect(api.within).toEqual([[{ block: 'pc.ram', start: 1234 * 4096, end: 1236 * 4096 }], null]);
  });

  it('that another one follows adds nothing to it', async () => {
    let release: (step: FoundStep) => void = () => undefined;
    const slow = new Promise<FoundStep>((done) => (release = done));
    const api = apiOf([step(hits(50, 1), 1000, true)]);
    const nextFound = vi.fn(api.nextFound).mockReturnValueOnce(slow);
    const state = stateOver({ ...api, nextFound });
    const first = state.start();
    await vi.waitFor(() => expect(nextFound).toHaveBeenCalled());
    await state.start();
    release(step(hits(1, 5), 1000, true));
    await first;
    expect(state.hits.map(({ page }) => page)).toEqual([50]);
  });

  it('that is refused says why', async () => {
    const refused = fail('usage', 'reading', 'a ( has no ) behind it', 'Change the expression.');
    const state = stateOver({ ...apiOf([]), beginFind: () => Promise.reject(refused) });
    await state.start();
    expect([state.failure?.what, state.running]).toEqual(['a ( has no ) behind it', false]);
  });
});

describe('the bar', () => {
  let bar: object | null = null;
  afterEach(async () => {
    if (bar !== null) await unmount(bar);
    bar = null;
    document.body.replaceChildren();
  });
  const query = (selector: string): HTMLElement => {
    const found = document.querySelector<HTMLElement>(selector);
    if (found === null) throw new Error(`no ${selector}`);
    return found;
  };

  it('searches at Enter, lists hits, goes to the one that is clicked, and closes at Escape', async () => {
    const state = stateOver(apiOf([step(hits(0, 5000), 1000, true)]));
    const onclose = vi.fn();
    bar = mount(FindBar, { target: document.body, props: { find: state, onclose } });
    flushSync();
    expect(query('.says').textContent).toContain('Enter begins');
    state.text = 'needle';
    query('form').dispatchEvent(new SubmitEvent('submit', { bubbles: true, cancelable: true }));
    await vi.waitFor(() => expect(state.running).toBe(false));
    flushSync();
    expect(query('.says').textContent?.replace(/\s/g, ' ')).toContain('1 of 5 000 in');
    const rows = document.querySelectorAll<HTMLButtonElement>('[role=listitem] button');
    // Only those in view, and a few around.
    expect(rows.length).toBeLessThan(20);
    expect(rows[0]?.getAttribute('aria-current')).toBe('true');
    expect(rows[2]?.textContent).toContain('pc.ram+0x2007');
    rows[2]?.click();
    await vi.waitFor(() => expect(shown).toContain(hit(2).fileOffset));
    query('input.mono').dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));
    expect(onclose).toHaveBeenCalledOnce();
  });
});
