import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Segment } from '@shared/contracts/inspector-port';
import { firstLook } from './asked-layout';
import { HexState } from './hex-state.svelte';
import { GIB, HUGE, hugeSegments, portOver } from './huge-file.fixture';
import { inspectorOf } from '../inspector.fixture';
import { noStructure } from '../tree/structure';

const failed: unknown[] = [];
async function started(segments: readonly Segment[], asked?: number[]): Promise<HexState> {
  const last = segments.at(-1);
  const size = last === undefined ? 0 : last.offset + last.length;
  const port = portOver(segments, asked);
  const state = new HexState(port, size, noStructure, (error) => failed.push(error));
  state.visible = 30;
  await state.start(await firstLook(port));
  return state;
}

beforeEach(() => {
  failed.length = 0;
});

describe('a 128 GiB file in the hex view', () => {
  const segments = hugeSegments();

  it('scrolls to its very last byte, and no farther', async () => {
    const state = await started(segments);
    await state.scrollTo(1);
    expect(state.shown.at(-1)).toMatchObject({ kind: 'bytes', to: HUGE });
    expect(state.shown).toHaveLength(30);
    expect(state.progress).toBe(1);
    await state.scrollBy(100);
    expect(state.shown.at(-1)).toMatchObject({ to: HUGE });
    expect(state.shown).toHaveLength(30);
  });

  it('shows rows above when the view becomes taller at the end', async () => {
    const state = await started(segments);
    await state.scrollTo(1);
    state.fit(50);
    await vi.waitFor(() => expect(state.shown).toHaveLength(50));
    expect(state.shown.at(-1)).toMatchObject({ to: HUGE });
  });

  it('scrolls back to its first row from the end, through every row', async () => {
    const state = await started(segments);
    await state.scrollTo(1);
    let turns = 0;
    while (state.top.from > 0 && turns < 20_000) {
      const before = state.top;
      await state.scrollBy(-25);
      expect(state.top).not.toEqual(before);
      expect(state.shown.length).toBeGreaterThanOrEqual(30);
      turns += 1;
    }
    expect(state.top).toEqual({ from: 0, opening: false });
    // 10 000 pages of 12 rows, 10 000 holes, and the few rows around them.
    expect(turns).toBeGreaterThan((10_000 * 12 + 10_000) / 25);
    expect(failed).toEqual([]);
  });

  it('keeps the thumb where it was dragged to inside a hole', async () => {
    const state = await started(segments);
    await state.scrollTo(0.5);
    expect(state.shown[0]).toMatchObject({ kind: 'hole' });
    expect(state.progress).toBeCloseTo(0.5, 6);
  });

  it('goes to any offset, opens what hides it, and has its row in view', async () => {
    const state = await started(segments);
    for (const offset of [
      2 ** 20 + 100 * GIB + 4095,
      HUGE - 1,
      5,
      50 * GIB,
      2 ** 20 + 100 * GIB + 3000 * 4096 + 2000,
    ]) {
      await state.goTo(offset);
      expect(state.cursor).toBe(offset);
      const row = state.shown
        .slice(0, 30)
        .find(({ kind, from, to }) => kind !== 'page' && offset >= from && offset < to);
      expect(row?.kind).toBe(state.segment?.kind === 'hole' ? 'hole' : 'bytes');
    }
  });

  it('goes from present page to present page and back', async () => {
    const state = await started(segments);
    const first = 2 ** 20 + 100 * GIB;
    await state.goToPresentPage(1);
    expect(state.cursor).toBe(first);
    await state.goToPresentPage(1);
    expect(state.cursor).toBe(first + 8192);
    await state.goToPresentPage(-1);
    expect(state.cursor).toBe(first);
    await state.goToPresentPage(-1);
    expect(state.cursor).toBe(first);
  });

  it('asks nothing more of a place that was prepared, and shows nothing of it before', async () => {
    const asked: number[] = [];
    const state = await started(segments, asked);
    const offset = 2 ** 20 + 100 * GIB + 3000 * 4096 + 2000;
    await state.prepare(50 * GIB);
    await state.prepare(offset);
    expect([state.cursor, state.top.from]).toEqual([0, 0]);
    const before = asked.length;
    const went = state.goTo(offset);
    await vi.waitFor(() => expect(state.cursor).toBe(offset));
    expect(asked.slice(before)).not.toContain(offset);
    await went;
    await state.goTo(50 * GIB);
    expect([state.cursor, state.shown.some(({ kind }) => kind === 'hole')]).toEqual([50 * GIB, true]);
    expect(failed).toEqual([]);
  });

  it('drops a jump that a later one has overtaken', async () => {
    const state = await started(segments);
    await Promise.all([state.goTo(HUGE - 3), state.goTo(17)]);
    expect(state.cursor).toBe(17);
    expect(state.shown[0]?.from).toBe(0);
  });
});

describe('a scroll bar that is dragged faster than the file answers', () => {
  const segments = hugeSegments();
  /** A view whose layouts are answered by hand. */
  async function slow(): Promise<{ state: HexState; asked: number[]; answer(): Promise<void> }> {
    const waiting: (() => void)[] = [];
    const asked: number[] = [];
    const quick = portOver(segments);
    let held = false;
    const port = inspectorOf({
      stretches: quick.stretches,
      layout: async (offset, before, after) => {
        if (held) {
          asked.push(offset);
          await new Promise<void>((resolve) => waiting.push(resolve));
        }
        return quick.layout(offset, before, after);
      },
    });
    const state = new HexState(port, HUGE, noStructure, (error) => failed.push(error));
    await state.start(await firstLook(port));
    held = true;
    const answer = async (): Promise<void> => {
      waiting.shift()?.();
      for (let turn = 0; turn < 30; turn += 1) await Promise.resolve();
    };
    return { state, asked, answer };
  }

  it('asks for where it is now, not for where it was, and shows every answer that comes', async () => {
    const { state, asked, answer } = await slow();
    const end = state.lastTop.from;
    for (const share of [0.1, 0.2, 0.3, 0.4]) void state.scrollTo(share);
    expect(asked).toEqual([Math.round(end * 0.1)]);
    await answer();
    expect(state.place).toBe(Math.round(end * 0.1));
    void state.scrollTo(0.5);
    expect(asked).toEqual([0.1, 0.4].map((share) => Math.round(end * share)));
    await answer();
    await answer();
    expect(asked).toEqual([0.1, 0.4, 0.5].map((share) => Math.round(end * share)));
    expect(state.place).toBe(Math.round(end * 0.5));
    expect(failed).toEqual([]);
  });

  it('never shows a view without rows, and a jump takes precedence', async () => {
    const { state, answer } = await slow();
    void state.scrollTo(0.9);
    expect(state.shown.length).toBeGreaterThan(0);
    void state.goTo(50 * GIB);
    state.fit(31);
    for (let turn = 0; turn < 5; turn += 1) {
      await answer();
      expect(state.shown.length).toBeGreaterThan(0);
    }
    expect(state.cursor).toBe(50 * GIB);
    expect(state.shown.some(({ from, to }) => from <= 50 * GIB && to > 50 * GIB)).toBe(true);
  });
});

describe('a place that is gone to', () => {
  it('has its bytes read while its rows are asked for', async () => {
    const events: string[] = [];
    const quick = portOver(hugeSegments());
    const port = inspectorOf({
      layout: async (offset, before, after) => {
        const layout = await quick.layout(offset, before, after);
        events.push('rows');
        return layout;
      },
      stretches: (wanted) => {
        events.push(`bytes from ${wanted[0]?.offset}`);
        return quick.stretches(wanted);
      },
    });
    const state = new HexState(port, HUGE, noStructure, (error) => failed.push(error));
    await state.start(await firstLook(port));
    events.length = 0;
    await state.goTo(50 * GIB);
    expect(events.slice(0, 2)).toEqual([`bytes from ${50 * GIB - 4096}`, 'rows']);
  });

  it('keeps the rows that are drawn as they are while more is learned around them', async () => {
    const asked: number[] = [];
    const state = await started(hugeSegments(), asked);
    await state.goTo(2 ** 20 + 100 * GIB + 3000 * 4096);
    asked.length = 0;
    let [shown, rows] = [state.shown, state.rows];
    for (let turn = 0; turn < 100 && asked.length === 0; turn += 1) {
      const scrolled = state.scrollBy(5);
      [shown, rows] = [state.shown, state.rows];
      await scrolled;
    }
    expect(asked).toHaveLength(1);
    expect(state.rows).not.toBe(rows);
    expect(state.shown).toBe(shown);
  });
});

describe('the cursor', () => {
  const small: readonly Segment[] = [
    { offset: 0, length: 100, kind: 'data', pages: null },
    { offset: 100, length: 412, kind: 'hole', pages: null },
    { offset: 512, length: 40, kind: 'data', pages: null },
  ];

  it('keeps its column over a hole, and takes the hole as one place', async () => {
    const state = await started(small);
    await state.goTo(85);
    await state.move('down', false);
    await state.move('down', false);
    expect(state.cursor).toBe(100);
    await state.move('down', false);
    expect(state.cursor).toBe(517);
    await state.move('up', false);
    await state.move('up', false);
    expect(state.cursor).toBe(99);
  });

  it('walks over every place forwards and the same places backwards', async () => {
    const state = await started(small);
    const forward = [state.cursor];
    while (state.cursor < 551) {
      await state.move('right', false);
      forward.push(state.cursor);
    }
    const backward = [state.cursor];
    while (state.cursor > 0) {
      await state.move('left', false);
      backward.push(state.cursor);
    }
    expect(forward).toHaveLength(100 + 1 + 40);
    expect(backward.reverse()).toEqual(forward);
  });

  it('selects with its other end kept, and says from where to where', async () => {
    const state = await started(small);
    await state.goTo(20);
    await state.move('right', true);
    await state.move('down', true);
    expect(state.selection).toEqual({ from: 20, to: 38 });
    await state.move('row-start', false);
    expect(state.selection).toEqual({ from: 32, to: 33 });
  });

  it('goes back and forward to where it was', async () => {
    const state = await started(small);
    await state.goTo(40);
    await state.goTo(540);
    await state.goBack();
    expect(state.cursor).toBe(40);
    await state.goBack();
    expect(state.cursor).toBe(0);
    await state.goForward();
    await state.goForward();
    expect(state.cursor).toBe(540);
    await state.goForward();
    expect(state.cursor).toBe(540);
  });

  it('reads nothing and shows nothing in an empty file', async () => {
    const asked: number[] = [];
    const state = await started([], asked);
    await state.move('down', false);
    await state.scrollBy(3);
    await state.scrollTo(1);
    expect(state.shown).toEqual([]);
    expect(failed).toEqual([]);
  });
});

describe('bytes', () => {
  it('of the first rows are there before the first of them is drawn', async () => {
    const state = await started([{ offset: 0, length: 65_536, kind: 'data', pages: null }]);
    expect([...(state.cache.get(250, 260) ?? [])]).toEqual([250, 251, 252, 253, 254, 255, 0, 1, 2, 3]);
  });

  it('arrive for the rows in view', async () => {
    const state = await started([{ offset: 0, length: 65_536, kind: 'data', pages: null }]);
    await state.scrollBy(2000);
    const before = state.arrivals;
    state.want(32);
    expect(state.cache.get(32_000, 32_016)).toBeNull();
    await vi.waitFor(() => expect(state.arrivals).toBeGreaterThan(before));
    expect(state.cache.get(32_000, 32_003)).toEqual(Uint8Array.of(0, 1, 2));
  });

  it('of a place that the view is still on its way to are no reason to draw', async () => {
    const state = await started([{ offset: 0, length: 65_536, kind: 'data', pages: null }]);
    state.want(32);
    await vi.waitFor(() => expect(state.arrivals).toBe(1));
    await state.goTo(40_000);
    expect(state.cache.get(40_000, 40_002)).toEqual(Uint8Array.of(40_000 % 256, 40_001 % 256));
    expect(state.arrivals).toBe(1);
  });
});
