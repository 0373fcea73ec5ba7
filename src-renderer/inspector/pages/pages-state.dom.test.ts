import { beforeEach, describe, expect, it, vi } from 'vitest';
import { PAGE_FLAGS, type InspectorPagesApi } from '@shared/contracts/inspector-pages';
import { DIMMED, tileOf } from './codes';
import { blockOf, pagesApiOf, type FakePages } from './pages.fixture';
import { PagesState } from './pages-state.svelte';

const { present, data } = PAGE_FLAGS;
const PAGES = 100_003;
const HUGE = 2 ** 25;

/** Present but for: 1000 … 1004 lost, 50 000 stale, the last 1000 zero. */
function flags(): Uint8Array {
  const all = new Uint8Array(PAGES).fill(present | data);
  all.fill(present, 1000, 1005);
  all[50_000] = data;
  all.fill(0, PAGES - 1000);
  return all;
}

const failed: unknown[] = [];
function started(fake: FakePages, api: InspectorPagesApi = fake.api): PagesState {
  const blocks = [blockOf('vga.vram', 4096), blockOf('pc.ram', PAGES)];
  const state = new PagesState(api, blocks, (error) => failed.push(error));
  state.fit(828, 620);
  return state;
}
const zoomedIn = (state: PagesState): PagesState => {
  while (state.zoom > 0) state.zoomBy(-1);
  return state;
};
/** What a cell is drawn with; ` dim` beside a selection. */
function drawnAt(state: PagesState, cell: number): string {
  const code = state.codes[cell - state.grid.top] ?? 0;
  const tile = tileOf(code % DIMMED);
  const name = tile.kind === 'state' ? tile.state : tile.kind;
  return code >= DIMMED ? `${name} dim` : name;
}
async function loaded(state: PagesState): Promise<void> {
  state.want();
  await vi.waitFor(() => {
    for (let cell = state.grid.top; cell < state.grid.end; cell += 1) expect(state.factsOf(cell)).not.toBeNull();
  });
}

let fake: FakePages;
beforeEach(() => {
  failed.length = 0;
  fake = pagesApiOf({ 'pc.ram': flags(), 'vga.vram': new Uint8Array(4096) });
});

describe('the Pages view', () => {
  it('begins with the whole of the largest block in view, drawn by its rarest pages', async () => {
    const state = started(fake);
    expect([state.block?.name, state.grid.top, state.grid.end]).toEqual([
      'pc.ram',
      0,
      Math.ceil(PAGES / state.perCell),
    ]);
    await loaded(state);
    expect(drawnAt(state, Math.floor(1000 / state.perCell))).toBe('lost');
    expect(drawnAt(state, Math.floor(50_000 / state.perCell))).toBe('stale');
    expect(drawnAt(state, 0)).toBe('present');
    expect(drawnAt(state, state.grid.end - 1)).toBe('zero');
    expect(failed).toEqual([]);
  });

  it('is exact when it is zoomed in, and keeps the focus in view on the way', async () => {
    const state = started(fake);
    state.goTo(50_000);
    for (const by of [-1, 1] as const) {
      for (let zoom = 0; zoom < 30; zoom += 1) {
        state.zoomBy(by);
        expect(state.grid.isInView(state.cell)).toBe(true);
      }
      expect(state.zoom).toBe(by === -1 ? 0 : state.widest);
    }
    zoomedIn(state);
    await loaded(state);
    expect([49_999, 50_000, 50_001].map((page) => drawnAt(state, page))).toEqual(['present', 'stale', 'present']);
    state.toggle('stale', false);
    expect(drawnAt(state, 50_000)).toBe('blank');
  });

  it('asks for a block of 128 GiB only what is in view, in a few calls', async () => {
    const api = vi.fn((...args: unknown[]) => args);
    const overview: InspectorPagesApi['overview'] = async (block, first, count, cells) => {
      api(block, first, count, cells);
      return { first, perCell: count / cells, counts: new Uint32Array(cells * 6), entropy: null, classes: null };
    };
    const state = new PagesState({ ...fake.api, overview }, [blockOf('pc.ram', HUGE)], (error) => failed.push(error));
    state.fit(828, 620);
    await loaded(state);
    expect(api.mock.calls.length).toBeLessThanOrEqual(4);
    expect(state.codes.length).toBe(state.grid.cells);
  });

  it('asks for what a Hilbert curve has in view, too, and walks along it', async () => {
    const state = zoomedIn(started(fake));
    state.setOrder('hilbert');
    state.goTo(50_000);
    await loaded(state);
    expect(drawnAt(state, 50_000)).toBe('stale');
    state.move('page-down', false);
    expect(state.focus).toBe(50_000 + 64 * 64);
    expect(state.grid.isInView(state.cell)).toBe(true);
  });
});

describe('the focus', () => {
  it('goes to the next page of a state, around, and says when there is none', async () => {
    const state = zoomedIn(started(fake));
    await state.goToNext('lost');
    expect(state.focus).toBe(1000);
    await state.goToNext('lost');
    expect(state.focus).toBe(1001);
    await state.goToNext('stale');
    expect(state.focus).toBe(50_000);
    await state.goToNext('lost');
    expect(state.focus).toBe(1000);
    await state.goToNext('changed');
    expect([state.focus, state.notice]).toEqual([1000, 'No page of pc.ram is changed.']);
    state.move('right', false);
    expect(state.notice).toBe('');
  });

  it('leads from cell to cell when a cell stands for many pages', async () => {
    const state = started(fake);
    await state.goToNext('present');
    const first = state.cell;
    await state.goToNext('present');
    expect(state.cell).toBeGreaterThan(first);
  });

  it('goes to the present pages around a hole, and stays at the last', async () => {
    const state = zoomedIn(started(fake));
    state.goTo(49_999);
    await state.goToPresent(1);
    expect(state.focus).toBe(50_001);
    await state.goToPresent(-1);
    expect(state.focus).toBe(49_999);
    state.goTo(PAGES - 1);
    await state.goToPresent(1);
    expect([state.focus, state.notice]).toEqual([PAGES - 1, 'No present page follows.']);
    state.goTo(0);
    await state.goToPresent(-1);
    expect(state.notice).toBe('No present page comes before.');
  });

  it('drops a jump that a move has overtaken', async () => {
    let release: (page: number) => void = () => undefined;
    const nextPage = (): Promise<number> => new Promise((resolve) => (release = resolve));
    const state = zoomedIn(started(fake, { ...fake.api, nextPage }));
    const jump = state.goToNext('lost');
    await vi.waitFor(() => expect(release).toBeTypeOf('function'));
    state.move('right', false);
    release(1000);
    await jump;
    expect(state.focus).toBe(1);
  });
});

describe('a selection', () => {
  it('grows with Shift from where the focus was, and dims the rest', async () => {
    const state = zoomedIn(started(fake));
    state.goTo(1000);
    state.move('right', true);
    state.move('down', true);
    expect(state.selection).toEqual({ from: 1000, to: 1066 });
    await loaded(state);
    expect([999, 1000, 1065, 1066].map((page) => drawnAt(state, page))).toEqual([
      'present dim',
      'lost',
      'present',
      'present dim',
    ]);
    state.move('up', true);
    state.move('up', true);
    expect(state.selection).toEqual({ from: 937, to: 1001 });
    state.move('left', false);
    expect(state.selection).toEqual({ from: 937, to: 1001 });
    // The focus has left its end: another one begins.
    state.goTo(5);
    state.move('right', true);
    expect(state.selection).toEqual({ from: 5, to: 7 });
    state.clearSelection();
    expect(state.selection).toBeNull();
  });

  it('is brushed over whole cells, and ends with the block', () => {
    const state = started(fake);
    const { perCell } = state;
    expect(perCell).toBeGreaterThan(1);
    state.point(3, false);
    state.point(5, true);
    expect(state.selection).toEqual({ from: 3 * perCell, to: 6 * perCell });
    state.point(state.grid.cells - 1, true);
    expect(state.selection).toEqual({ from: 3 * perCell, to: PAGES });
    state.point(0, false);
    expect(state.selection).toBeNull();
  });

  it('ends when another block is chosen', async () => {
    const state = zoomedIn(started(fake));
    state.goTo(70_000);
    state.move('right', true);
    state.choose('vga.vram');
    expect([state.block?.name, state.focus, state.selection]).toEqual(['vga.vram', 0, null]);
    await loaded(state);
    expect(drawnAt(state, 0)).toBe('zero');
  });
});

it('begins to look for bytes on disk once, and asks anew when something is known', async () => {
  const state = started(fake);
  state.begin();
  state.begin();
  await vi.waitFor(() => expect(state.scans.of('allocation')?.state).toBe('done'));
  await vi.waitFor(() => expect(state.moves).toBeGreaterThan(0));
  expect(fake.asked.filter((call) => call === 'beginScan allocation')).toHaveLength(1);
  await state.learnTotals();
  expect(state.totals).toMatchObject({ pages: PAGES, lost: 5, stale: 1, present: PAGES - 1001 });
});

it('tells what could not be read', async () => {
  const state = started(fake, { ...fake.api, overview: () => Promise.reject(new Error('gone')) });
  state.want();
  await vi.waitFor(() => expect(failed.length).toBeGreaterThan(0));
});
