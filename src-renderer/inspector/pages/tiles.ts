/** Draws the tile of each code once: colours by the tokens, textures from 6 pixels up (LOOK.md, "Page states"). */
import type { PageClass } from '@shared/contracts/inspector-pages';
import type { PageState } from '@shared/page-state/page-state';
import { CODES, DIMMED, tileOf, type Tile } from './codes';
import type { TileSet } from './paint';

/** From here on a tile has its texture. */
const LEAST_TEXTURED = 6;
/** Smaller ones have room for one line of a hatch. */
const LEAST_HATCHED = 8;
const DIM = 0.42;
/** A cell with one present page among many is still told apart from one with none. */
const LEAST_SHARE = 0.3;

/** What a tile is drawn on: `edge` pixels of CSS, `scale` device pixels each. */
interface Place {
  readonly context: OffscreenCanvasRenderingContext2D;
  readonly edge: number;
  readonly textured: boolean;
  colour(token: string): string;
}

/** Tiles of `pitch` CSS pixels with a gap of `gap`; null where the canvas does not draw. `style` has the tokens. */
export function tileSet(pitch: number, gap: number, scale: number, style: CSSStyleDeclaration): TileSet | null {
  const size = Math.max(1, Math.round(pitch * scale));
  if (typeof OffscreenCanvas === 'undefined') return null;
  const context = new OffscreenCanvas(size, size * CODES).getContext('2d', { willReadFrequently: true });
  if (context === null) return null;
  const edge = (size - Math.round(gap * scale)) / scale;
  const place: Place = {
    context,
    edge,
    textured: pitch >= LEAST_TEXTURED,
    colour: (token) => style.getPropertyValue(`--${token}`),
  };
  for (let code = 0; code < CODES; code += 1) {
    context.save();
    context.translate(0, code * size);
    context.scale(scale, scale);
    context.globalAlpha = code < DIMMED ? 1 : DIM;
    context.beginPath();
    context.rect(0, 0, edge, edge);
    context.clip();
    drawTile(place, tileOf(code % DIMMED));
    context.restore();
  }
  return { size, pixels: new Uint32Array(context.getImageData(0, 0, size, size * CODES).data.buffer) };
}

function drawTile(place: Place, tile: Tile): void {
  switch (tile.kind) {
    case 'blank':
      return;
    case 'state':
      STATE_SHAPES[tile.state](place);
      return;
    case 'density':
      shade(place, 'page-zero', 'page-present', LEAST_SHARE + (1 - LEAST_SHARE) * tile.share);
      return;
    case 'entropy':
      shade(place, 'page-zero', 'page-entropy', tile.share);
      return;
    case 'class':
      CLASS_SHAPES[tile.class](place);
  }
}

function fill({ context, edge, colour }: Place, token: string): void {
  context.fillStyle = colour(token);
  context.fillRect(0, 0, edge, edge);
}

/** `share` 0 … 1 of one colour over another. */
function shade(place: Place, under: string, over: string, share: number): void {
  const { context } = place;
  const alpha = context.globalAlpha;
  // Over a dimmed one the two add up to more than what is dimmed: only one of them is.
  fill(place, under);
  context.globalCompositeOperation = 'source-atop';
  context.globalAlpha = share;
  fill(place, over);
  context.globalCompositeOperation = 'source-over';
  context.globalAlpha = alpha;
}

function line({ context, edge }: Place, from: readonly [number, number], to: readonly [number, number]): void {
  context.beginPath();
  context.moveTo(from[0] * edge, from[1] * edge);
  context.lineTo(to[0] * edge, to[1] * edge);
  context.stroke();
}

function clear({ context, edge }: Place, x: number, y: number, width: number, height: number): void {
  context.clearRect(x * edge, y * edge, width * edge, height * edge);
}

function outline({ context, edge }: Place, width: number): void {
  context.lineWidth = width;
  context.strokeRect(width / 2, width / 2, edge - width, edge - width);
}

function hatch(place: Place, token: string): void {
  const { context, edge, colour } = place;
  context.strokeStyle = colour(token);
  context.lineWidth = Math.max(1, edge / 12);
  for (const shift of edge < LEAST_HATCHED ? [0] : [-0.5, 0, 0.5]) line(place, [shift, 1], [shift + 1, 0]);
}

const STATE_SHAPES: Readonly<Record<PageState, (place: Place) => void>> = {
  present: (place) => fill(place, 'page-present'),
  zero(place) {
    fill(place, 'page-zero');
    if (place.textured) dot(place, 'page-zero-dot');
  },
  stale(place) {
    fill(place, 'page-stale');
    if (!place.textured) return;
    hatch(place, 'page-stale-hatch');
    place.context.strokeStyle = place.colour('page-stale-edge');
    outline(place, 1);
  },
  lost(place) {
    fill(place, place.textured ? 'page-lost-inside' : 'page-lost');
    if (!place.textured) return;
    const { context, edge, colour } = place;
    context.strokeStyle = colour('page-lost');
    const width = Math.max(1, edge / 8);
    outline(place, width);
    context.lineWidth = width;
    line(place, [0.12, 0.12], [0.88, 0.88]);
    line(place, [0.88, 0.12], [0.12, 0.88]);
  },
  mismatch(place) {
    fill(place, 'page-mismatch');
    if (!place.textured) return;
    const { context, edge } = place;
    const hole = Math.max(2, Math.round(edge * 0.36));
    const at = Math.floor((edge - hole) / 2);
    context.clearRect(at, at, hole, hole);
    context.fillStyle = place.colour('page-mismatch-hole');
    context.fillRect(at, at, hole, hole);
  },
  changed(place) {
    const { context, edge, colour } = place;
    context.fillStyle = colour('page-changed');
    context.beginPath();
    context.moveTo(0, 0);
    context.lineTo(edge * (place.textured ? 0.3 : 1), 0);
    context.lineTo(edge, edge * (place.textured ? 0.7 : 0));
    context.lineTo(edge, edge);
    context.lineTo(0, edge);
    context.fill();
  },
  duplicate(place) {
    fill(place, 'page-duplicate');
    if (place.textured) clear(place, 0, 0.38, 1, 0.24);
  },
};

function dot(place: Place, token: string): void {
  const { context, edge, colour } = place;
  const wide = edge >= 9 ? 1.5 : 1;
  context.fillStyle = colour(token);
  context.fillRect((edge - wide) / 2, (edge - wide) / 2, wide, wide);
}

/** Classes have a texture each, too: lines as of text, brackets of code, an arrow's shaft of pointers, a full cell of noise. */
const CLASS_SHAPES: Readonly<Record<PageClass, (place: Place) => void>> = {
  unknown(place) {
    const { context, colour } = place;
    context.strokeStyle = colour('line-2');
    if (place.textured) outline(place, 1);
    else fill(place, 'line-2');
  },
  zero: (place) => STATE_SHAPES.zero(place),
  text(place) {
    fill(place, 'class-text');
    if (!place.textured) return;
    clear(place, 0, 0.22, 1, 0.14);
    clear(place, 0, 0.56, 0.7, 0.14);
  },
  code(place) {
    fill(place, 'class-code');
    if (place.textured) clear(place, 0.42, 0, 0.2, 1);
  },
  pointers(place) {
    fill(place, 'class-pointers');
    if (!place.textured) return;
    place.context.strokeStyle = place.colour('bg-1');
    place.context.lineWidth = Math.max(1, place.edge / 7);
    line(place, [0, 1], [1, 0]);
  },
  compressed: (place) => fill(place, 'class-compressed'),
  other(place) {
    fill(place, 'class-other');
    if (place.textured) clear(place, 0.3, 0.3, 0.4, 0.4);
  },
};
