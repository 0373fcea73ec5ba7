/** What passes between the page and its painter: a worker that draws the rows while the scroll bar is dragged. */
import type { Gutter } from '../hex-look.svelte';
import type { Arrangement } from '../hex-state.svelte';
import type { Metrics } from '../panes';
import type { TextPane } from '../text-cells';

export type Ink = 'back' | 'strong' | 'text' | 'quiet' | 'line' | 'edge' | 'ones' | 'present' | 'stale';

/** Lengths in CSS pixels, colours and fonts, as the page's style has them when a move begins. */
export interface Measures extends Metrics {
  readonly mono: string;
  readonly sans: string;
  readonly colour: Readonly<Record<Ink, string>>;
  /** Device pixels to a CSS pixel, and the picture's size in them. */
  readonly scale: number;
  readonly width: number;
  readonly height: number;
}

/** How the rows look, all of it: the painter knows nothing of the page. */
export interface Look {
  readonly arrangement: Arrangement;
  readonly gutter: Gutter;
  readonly text: TextPane;
  readonly measures: Measures;
}

export type ToPainter =
  /** The first message: the port to the worker that has the file open. */
  | { readonly kind: 'open'; readonly port: MessagePort }
  /** A move begins: its pictures go to this canvas. */
  | { readonly kind: 'begin'; readonly move: number; readonly canvas: OffscreenCanvas; readonly look: Look }
  /** The scroll bar is at this share of the file, 0 … 1. Each is answered by one picture. */
  | { readonly kind: 'drag'; readonly share: number };

/** A picture and what is in it. */
export interface Painted {
  readonly kind: 'painted';
  readonly move: number;
  /** false: more bytes have come, and the rows were painted once more. */
  readonly answers: boolean;
  /** Offsets of the rows from the top, a space between. */
  readonly rows: string;
  /** Rows whose bytes have not come. */
  readonly blank: number;
  /** Where the scroll bar stands for these rows: an offset, and 0 … 1. */
  readonly place: number;
  readonly progress: number;
}

export type FromPainter =
  /** The file is known; moves can begin. */
  | { readonly kind: 'ready' }
  | Painted
  /** It cannot go on; whoever asks for the same rows learns why. */
  | { readonly kind: 'failed' };
