/** Contrast of the page's colours as the screen shows them (WCAG 2.2), read from the tokens of its style sheet. */
import type { Page } from 'playwright-core';

/** The relative luminance of each token in one theme. */
export async function luminances(page: Page, theme: 'dark' | 'light'): Promise<ReadonlyMap<string, number>> {
  const found = await page.evaluate<[string, number][]>(`(() => {
    const root = document.documentElement;
    const before = root.dataset.theme;
    root.dataset.theme = ${JSON.stringify(theme)};
    const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const style = getComputedStyle(root);
    const linear = (byte) => (byte / 255 <= 0.04045 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4);
    const tokens = ${JSON.stringify([...TEXT, ...SURFACES, ...VERDICTS.map((tone) => `${tone}-bg`), 'sel-bg', 'fg-0', 'ink', 'ink-hover', 'line-3'])};
    const all = tokens.map((token) => {
      context.fillStyle = '#f0f';
      context.fillStyle = style.getPropertyValue('--' + token).trim();
      context.fillRect(0, 0, 1, 1);
      const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
      return [token, 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)];
    });
    root.dataset.theme = before;
    return all;
  })()`);
  return new Map(found);
}

const VERDICTS = ['ok', 'warn', 'bad', 'info'] as const;
const TEXT = ['fg-1', 'fg-2', 'fg-3', ...VERDICTS, 'sel'] as const;
const SURFACES = ['bg-0', 'bg-1', 'bg-2'] as const;

/** Pairs that stand on each other, with the contrast each needs. */
export const PAIRS: readonly (readonly [front: string, back: string, least: number])[] = [
  ...TEXT.flatMap((front) => SURFACES.map((back) => [front, back, 4.5] as const)),
  ...['fg-1', 'fg-2', 'fg-3'].map((front) => [front, 'sel-bg', 4.5] as const),
  ...VERDICTS.map((tone) => [tone, `${tone}-bg`, 4.5] as const),
  ['fg-0', 'ink', 4.5],
  ['fg-0', 'ink-hover', 4.5],
  ...SURFACES.map((back) => ['line-3', back, 3] as const),
];

/** The pairs that have too little, as `fg-3 on bg-0: 4.21`. */
export function tooFaint(colours: ReadonlyMap<string, number>): string[] {
  return PAIRS.flatMap(([front, back, least]) => {
    const [a, b] = [colours.get(front), colours.get(back)];
    if (a === undefined || b === undefined) return [`${front} or ${back} is no token`];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    return contrast >= least ? [] : [`${front} on ${back}: ${contrast.toFixed(2)}`];
  });
}
