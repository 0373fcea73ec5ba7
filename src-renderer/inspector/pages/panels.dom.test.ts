import { flushSync, mount, unmount, type Component } from 'svelte';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { PageScan, PageScanState } from '@shared/contracts/inspector-pages';
import { blockOf, pagesApiOf } from './pages.fixture';
import { PagesState } from './pages-state.svelte';
import ScanRows from './ScanRows.svelte';
import { PageScans } from './scans.svelte';
import SelectionPanel from './SelectionPanel.svelte';
import StatesPanel from './StatesPanel.svelte';

const mounted: object[] = [];
function show<Props extends Record<string, unknown>>(component: Component<Props>, props: Props): void {
  mounted.push(mount(component, { target: document.body, props }));
  flushSync();
}
afterEach(async () => {
  for (const each of mounted.splice(0)) await unmount(each);
  document.body.replaceChildren();
});

const unexpected = (error: unknown): void => expect.unreachable(String(error));
const textOf = (selector: string): string =>
  (document.querySelector(selector)?.textContent ?? '').replace(/\s+/g, ' ').trim();
const button = (name: string): HTMLButtonElement | undefined =>
  [...document.querySelectorAll('button')].find(({ textContent }) => textContent.trim() === name);

describe('scans', () => {
  /** A worker whose scans are as they are told to be. */
  function scansAs(over: Partial<PageScanState>, now = () => 0): { scans: PageScans; asked: string[] } {
    const asked: string[] = [];
    const state = (scan: PageScan): PageScanState => ({
      scan,
      state: 'running',
      doneBytes: 0,
      totalBytes: 2 ** 30,
      why: null,
      ...over,
    });
    const api = {
      beginScan: async (scan: PageScan) => (asked.push(`begin ${scan}`), state(scan)),
      endScan: async (scan: PageScan) => (asked.push(`end ${scan}`), state(scan)),
      scans: () => new Promise<readonly PageScanState[]>(() => undefined),
    };
    return { scans: new PageScans(api, () => undefined, unexpected, now), asked };
  }

  it('are begun on demand, tell how far they are, and are cancelled', async () => {
    const { scans, asked } = scansAs({ doneBytes: 2 ** 28 });
    show(ScanRows, { scans });
    button('Classify')?.click();
    await vi.waitFor(() => expect(scans.of('classes')?.state).toBe('running'));
    flushSync();
    expect(textOf('[data-scan=classes] .words')).toBe('256 MiB of 1.00 GiB');
    expect(document.querySelector('[role=progressbar]')?.getAttribute('aria-valuenow')).toBe('25');
    button('Cancel')?.click();
    await vi.waitFor(() => expect(asked).toEqual(['begin classes', 'end classes']));
  });

  it('that cannot be done say why instead of a button', async () => {
    const why = 'No digests were taken at the save.';
    const { scans } = scansAs({ state: 'impossible', why });
    show(ScanRows, { scans });
    await scans.begin('digests');
    flushSync();
    expect(textOf('[data-scan=digests]')).toBe(`Digests ${why}`);
    expect(document.querySelector('[data-scan=allocation]')).toBeNull();
    await scans.begin('allocation');
    flushSync();
    expect(textOf('[data-scan=allocation]')).toContain(why);
  });
});

describe('the selection', () => {
  const block = blockOf('pc.ram', 1000);
  const props = { block, ramMap: [], summary: null, onbytes: vi.fn(), onsearch: vi.fn() };

  it('says how pages are selected when none are', () => {
    show(SelectionPanel, { ...props, range: null });
    expect(textOf('section')).toMatch(/^Selection No pages\. Drag over cells/);
    expect(button('Show bytes')).toBeUndefined();
  });

  it('leads to bytes and to a search, and to an export where there is one', () => {
    const range = { from: 3, to: 5 };
    show(SelectionPanel, { ...props, range });
    button('Search in it…')?.click();
    button('Show bytes')?.click();
    expect([props.onsearch.mock.lastCall, props.onbytes.mock.lastCall]).toEqual([[range], [range]]);
    expect(button('Export raw…')).toBeUndefined();
    const onexport = vi.fn();
    show(SelectionPanel, { ...props, range, onexport });
    button('Export raw…')?.click();
    expect(onexport).toHaveBeenCalledWith(range);
  });
});

describe('the states of a block', () => {
  it('are counted as soon as they are known, and hidden one by one', async () => {
    const { api } = pagesApiOf({ 'pc.ram': Uint8Array.from([3, 3, 1, 0, 2]) });
    const pages = new PagesState(api, [blockOf('pc.ram', 5)], unexpected);
    show(StatesPanel, { pages, block: blockOf('pc.ram', 5), compared: false });
    expect(textOf('[data-state=stale] .size')).toBe('not checked');
    pages.begin();
    await pages.learnTotals();
    await vi.waitFor(() => expect(pages.scans.isKnown('allocation')).toBe(true));
    flushSync();
    const shown = ['present', 'zero', 'stale', 'lost', 'mismatch', 'changed'].map((state) => [
      textOf(`[data-state=${state}] .found`),
      textOf(`[data-state=${state}] .size`),
    ]);
    expect(shown).toEqual([
      ['3', '12 KiB'],
      ['1', '0'],
      ['1', '4 KiB'],
      ['1', 'lost'],
      ['', 'not checked'],
      ['', 'not compared'],
    ]);
    const box = document.querySelector<HTMLInputElement>('[data-state=lost] input');
    expect([box?.checked, document.querySelector<HTMLInputElement>('[data-state=duplicate] input')?.checked]).toEqual([
      true,
      false,
    ]);
    box?.click();
    expect(pages.shown.has('lost')).toBe(false);
  });
});
