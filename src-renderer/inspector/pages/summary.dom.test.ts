import { expect, it, vi } from 'vitest';
import { PAGE_FLAGS } from '@shared/contracts/inspector-pages';
import { SHOWN_AT_FIRST } from '@shared/page-state/page-state';
import { pagesApiOf } from './pages.fixture';
import { SummaryState, summaryOf } from './summary.svelte';

const { present, data, changed } = PAGE_FLAGS;
const LONG = 200_000;
const question = (from: number, to: number) => ({ block: 'pc.ram', range: { from, to }, shown: SHOWN_AT_FIRST });

it('a stretch is summed up page by page, with where its findings begin', async () => {
  const flags = Uint8Array.from([0, present | data, present, present, data, present | data | changed]);
  const { api } = pagesApiOf({ 'pc.ram': flags }, Uint8Array.from([0, 2, 0, 0, 0, 5]));
  const summary = await summaryOf(api, question(1, 6));
  expect(summary).toMatchObject({
    states: { present: 1, lost: 2, stale: 1, changed: 1, zero: 0 },
    first: { lost: 2, stale: 4 },
    totals: { pages: 5, present: 4 },
    exact: true,
  });
  expect(summary.classes).toEqual([3, 0, 1, 0, 0, 1, 0]);
  expect(summary.entropy?.reduce((sum, pages) => sum + pages)).toBe(2);
});

it('a long one by its totals and an overview', async () => {
  const flags = new Uint8Array(LONG).fill(present | data);
  flags[LONG - 1] = present;
  const { api, asked } = pagesApiOf({ 'pc.ram': flags });
  const summary = await summaryOf(api, question(0, LONG));
  expect(summary).toMatchObject({
    exact: false,
    states: { present: LONG - 1, lost: 1 },
    first: { lost: LONG - 1 },
    classes: null,
  });
  expect(asked.some((call) => call.startsWith('pages '))).toBe(false);
});

it('what is wanted last counts, and what it overtook is not asked', async () => {
  const { api, asked } = pagesApiOf({ 'pc.ram': new Uint8Array(100) });
  const state = new SummaryState(api, (error) => expect.unreachable(String(error)));
  for (let to = 1; to <= 50; to += 1) state.want(question(0, to));
  await vi.waitFor(() => expect(state.value?.range.to).toBe(50));
  expect(asked.filter((call) => call.startsWith('pages'))).toEqual(['pages pc.ram 0 1', 'pages pc.ram 0 50']);
  state.want(question(0, 60));
  state.want(null);
  await vi.waitFor(() => expect(asked.at(-1)).toBe('pages pc.ram 0 60'));
  await Promise.resolve();
  expect(state.value).toBeNull();
});
