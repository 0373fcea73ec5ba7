import { describe, expect, it } from 'vitest';
import { captionsOf, LEAST_VIEW, viewOf, zoomed, type Band } from './file-map';
import { MapView } from './map-view.svelte';
import { noStructure } from '../tree/structure';

const SIZE = 2 ** 31 + 777;
const whole = { from: 0, to: SIZE };

describe('a view of the file', () => {
  it('comes closer around a place that stays in it, down to the page that it is in', () => {
    for (const about of [0, 5, 0x12_3456, 2 ** 30 + 4095, SIZE - 1]) {
      let view = zoomed(whole, SIZE, 4, about);
      for (let step = 0; step < 14; step += 1) {
        expect(view.from % LEAST_VIEW).toBe(0);
        expect([about >= view.from, about < view.to]).toEqual([true, true]);
        view = zoomed(view, SIZE, 4, about);
      }
      const page = about - (about % LEAST_VIEW);
      expect(view).toEqual({ from: page, to: Math.min(SIZE, page + LEAST_VIEW) });
    }
  });

  it('goes back to the whole file, and never past its ends', () => {
    expect(zoomed({ from: 4096, to: 8192 }, SIZE, 2 ** -30, 5000)).toEqual(whole);
    expect(viewOf(-5, 4096, SIZE)).toEqual({ from: 0, to: 4096 });
    expect(viewOf(SIZE, 8192, SIZE).to).toBe(SIZE);
    expect(viewOf(0, 4096, 100)).toEqual({ from: 0, to: 100 });
  });
});

describe('keys on the map', () => {
  const map = (): MapView => new MapView({ size: SIZE, structure: noStructure, blocks: [] });
  const none = (): void => undefined;

  it('move in steps of the view, turn it over at its ends, and go', () => {
    const view = map();
    view.press('+', 2 ** 30, none);
    view.press('+', 0, none);
    expect(view.view.to - view.view.from).toBeLessThanOrEqual(2 ** 27 + LEAST_VIEW);
    const { from, to } = view.view;
    view.press('End', 0, none);
    expect(view.probe).toBe(to - 1);
    view.press('ArrowRight', 0, none);
    expect(view.view.from).toBe(to);
    view.press('ArrowLeft', 0, none);
    expect(view.view.from).toBe(from);
    let gone = -1;
    view.press('Enter', 0, (offset) => (gone = offset));
    expect(gone).toBe(view.probe);
    expect(view.press('x', 0, none)).toBe(false);
  });

  it('Esc shows the whole file, and then means nothing here', () => {
    const view = map();
    view.press('=', 0, none);
    expect(view.isZoomed).toBe(true);
    expect(view.shareOf(SIZE - 1)).toBeNull();
    expect(view.press('Escape', 0, none)).toBe(true);
    expect([view.isZoomed, view.press('Escape', 0, none)]).toEqual([false, false]);
  });
});

describe('captions', () => {
  const band = (label: string, at: number, share: number, key = label): Band => ({
    ...{ label, key, at, share, from: at * 1000, to: (at + share) * 1000, swatch: 'block', short: '', pagesOf: null },
  });
  const bands = [
    band('QEVM', 0, 0.01),
    band('record', 0.01, 0.01),
    band('section', 0.02, 0.01),
    band('bitmap', 0.03, 0.27),
    band('padding', 0.3, 0.1),
    band('pages of pc.ram, 2 GiB', 0.4, 0.58, 'pages'),
    band('7 small blocks', 0.98, 0.01),
    band('description', 0.99, 0.01),
  ];

  it('stand above the bands that have no room for their names, those side by side in one', () => {
    const captions = captionsOf(bands, 1000, ({ key }) => (key === 'bitmap' || key === 'pages' ? 'inside' : 'above'));
    expect(captions.map(({ text }) => text)).toEqual(['QEVM, record', 'padding', '7 small blocks, description']);
    const last = captions.at(-1);
    expect((last?.left ?? 0) + (last?.width ?? 0)).toBeLessThanOrEqual(1000);
    expect(captions[1]?.left).toBeGreaterThan(300);
  });

  it('of shaded pages begin where they do; what would lie over another is left out', () => {
    const captions = captionsOf(bands, 700, ({ key }) => (key === 'pages' ? 'shaded' : 'above'));
    const shaded = captions.find(({ text }) => text.startsWith('pages of pc.ram, 2 GiB. Darker'));
    expect(shaded).toBeDefined();
    for (const [index, one] of captions.entries()) {
      const next = captions[index + 1];
      if (next !== undefined) expect(one.left + one.width).toBeLessThan(next.left);
    }
  });
});
