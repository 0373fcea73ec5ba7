/** What the rows look like on the page, for a painter that sees no style. */
import { hexLook } from '../hex-look.svelte';
import type { HexState } from '../hex-state.svelte';
import type { Look, Measures } from './protocol';

function measuresOf(node: HTMLElement): Measures {
  const style = getComputedStyle(node);
  const value = (name: string): string => style.getPropertyValue(name).trim();
  const pixels = (name: string): number => Number.parseFloat(value(name));
  const scale = window.devicePixelRatio;
  const device = (length: number): number => Math.max(1, Math.round(length * scale));
  return {
    cell: pixels('--cell'),
    char: pixels('--char'),
    groupGap: pixels('--half-gap'),
    textGap: pixels('--ascii-gap'),
    gutter: pixels('--gutter-width'),
    gutterGap: pixels('--gutter-gap'),
    mono: `${style.fontSize} ${value('--font-mono')}`,
    sans: `12px ${value('--font-sans')}`,
    colour: {
      back: value('--bg-1'),
      strong: value('--fg-1'),
      text: value('--fg-2'),
      quiet: value('--fg-3'),
      line: value('--line-2'),
      edge: value('--line-3'),
      present: value('--page-present'),
      stale: value('--page-stale'),
      ones: value('--byte-ones'),
    },
    scale,
    width: device(node.clientWidth),
    height: device(node.clientHeight),
  };
}

/** `node` fills the view and inherits its style. */
export const lookOf = (hex: HexState, node: HTMLElement): Look => ({
  arrangement: hex.arrangement,
  gutter: hexLook.gutter,
  text: hexLook.text,
  measures: measuresOf(node),
});
