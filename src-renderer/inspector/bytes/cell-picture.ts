/**
 * The bytes of the rows in view as one picture, in both panes. They were elements once: a thousand of them took the page 10 ms
 * for every new screen, most of it layout; the picture takes 3 (measured in Electron 33, 26 rows of 16).
 */
import type { ByteClass } from './byte-text';
import { plainCell, type Cell } from './cells';
import { canvasInks, putStamp, type Ink, type Sheet, type Stamp } from './ink';
import { hexColumnLeft, panesWidth, textPaneAt, type Metrics } from './panes';

const ROW_HEIGHT = 20;
const UNDERLINE = 2;
const DASH = 3;
const SWATCHES = ['container', 'configuration', 'block', 'header', 'bitmap', 'section', 'description'] as const;
const KIND_LINE = 0.7;

interface Colours {
  readonly back: string;
  readonly strong: string;
  readonly inks: Readonly<Record<ByteClass, string>>;
  readonly textInks: Readonly<Record<ByteClass, string>>;
  readonly sel: string;
  readonly selBack: string;
  readonly onSel: string;
  readonly kinds: ReadonlyMap<string, { readonly tint: string; readonly line: string }>;
}

function coloursOf(style: CSSStyleDeclaration): Colours {
  const value = (name: string): string => style.getPropertyValue(name).trim();
  const [strong, text, quiet, ones] = [value('--fg-1'), value('--fg-2'), value('--fg-3'), value('--byte-ones')];
  return {
    back: value('--bg-1'),
    strong,
    inks: { zero: quiet, text: strong, ones, other: text },
    textInks: { zero: quiet, text: strong, ones: quiet, other: quiet },
    sel: value('--sel'),
    selBack: value('--sel-bg'),
    onSel: value('--fg-0'),
    kinds: new Map(
      SWATCHES.map((name) => [name, { tint: value(`--kind-${name}-tint`), line: value(`--kind-${name}`) }]),
    ),
  };
}

/** How one cell is painted in one pane. */
interface Paint {
  readonly ink: string;
  /** Colours over one another. */
  readonly ground: string;
}

export class CellPicture {
  readonly #context: CanvasRenderingContext2D | null;
  readonly #scale: number;
  readonly #columns: number;
  readonly #metrics: Metrics;
  readonly #colours: Colours;
  readonly #font: string;
  /** By colour and what it is on. */
  readonly #inks = new Map<string, Map<string, Ink>>();
  readonly #grounds = new Map<string, string>();
  readonly #pixels: ImageData;
  readonly #sheet: Sheet;
  readonly #blank: number;

  /** `canvas` is as wide as both panes, has the font of the cells, and sees the tokens. `rows`: as many as it has room for. */
  constructor(canvas: HTMLCanvasElement, scale: number, columns: number, rows: number, metrics: Metrics) {
    const style = getComputedStyle(canvas);
    [this.#scale, this.#columns, this.#metrics] = [scale, columns, metrics];
    this.#colours = coloursOf(style);
    this.#font = `${style.fontSize} ${style.fontFamily}`;
    canvas.width = Math.max(1, Math.ceil(panesWidth(columns, metrics) * scale));
    canvas.height = Math.max(1, Math.round(rows * ROW_HEIGHT * scale));
    this.#context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
    this.#pixels = new ImageData(canvas.width, canvas.height);
    const { width, height, data } = this.#pixels;
    this.#sheet = { words: new Uint32Array(data.buffer), width, height };
    this.#blank = canvasInks.pixel(this.#colours.back);
  }

  /** Draws every byte as it mostly looks, one at a step: none is to be drawn when a screen of them comes (0.1 ms each). */
  *learn(): Generator<void> {
    for (let byte = 0; byte < 256; byte += 1) {
      const cell = plainCell(byte);
      for (const pane of ['hex', 'ascii'] as const) this.#stampOf(cell, pane);
      yield;
    }
  }

  /** Paints rows from the top, null where one has no cells. */
  draw(rows: readonly (readonly Cell[] | null)[]): void {
    const context = this.#context;
    if (context === null) return;
    this.#sheet.words.fill(this.#blank);
    rows.forEach((cells, index) => {
      cells?.forEach((cell, column) => {
        if (cell.kind !== 'absent') this.#blit(cell, column, index);
      });
    });
    context.putImageData(this.#pixels, 0, 0);
    context.setTransform(this.#scale, 0, 0, this.#scale, 0, 0);
    rows.forEach((cells, index) => {
      cells?.forEach((cell, column) => this.#drawLines(context, cell, column, index * ROW_HEIGHT));
    });
  }

  #textLeft(column: number): number {
    return textPaneAt(this.#columns, this.#metrics) + column * this.#metrics.char;
  }

  #blit(cell: Cell, column: number, row: number): void {
    this.#put(this.#stampOf(cell, 'hex'), hexColumnLeft(column, this.#metrics), row);
    this.#put(this.#stampOf(cell, 'ascii'), this.#textLeft(column), row);
  }

  #put(stamp: Stamp | null, left: number, row: number): void {
    if (stamp !== null) putStamp(this.#sheet, stamp, this.#device(left), this.#device(row * ROW_HEIGHT));
  }

  /** null: there is nothing to be seen. */
  #stampOf(cell: Cell, pane: 'hex' | 'ascii'): Stamp | null {
    const { [pane]: text } = cell;
    const paint = this.#paintOf(cell, pane);
    if (text === '' && paint.ground === this.#colours.back) return null;
    return this.#inkOf(paint).cell(text, this.#device(pane === 'hex' ? this.#metrics.cell : this.#metrics.char));
  }

  #paintOf({ kind, swatch, selected, cursor, decides }: Cell, pane: 'hex' | 'ascii'): Paint {
    const { back, strong, inks, textInks, sel, selBack, onSel, kinds } = this.#colours;
    if (cursor) return { ink: onSel, ground: sel };
    const byClass = pane === 'hex' ? inks : textInks;
    const ink = kind === 'absent' || kind === 'blank' ? strong : byClass[kind];
    if (selected) return { ink, ground: selBack };
    if (pane === 'ascii') return { ink, ground: back };
    const tint = swatch === null ? undefined : kinds.get(swatch)?.tint;
    return { ink: decides ? strong : ink, ground: tint === undefined ? back : this.#over(tint) };
  }

  /** An opaque colour that looks like `tint` over the background. */
  #over(tint: string): string {
    const known = this.#grounds.get(tint);
    if (known !== undefined) return known;
    const word = canvasInks.pixel(this.#colours.back, tint);
    const [red, green, blue] = new Uint8Array(Uint32Array.of(word).buffer);
    const found = `rgb(${red} ${green} ${blue})`;
    this.#grounds.set(tint, found);
    return found;
  }

  #inkOf({ ink, ground }: Paint): Ink {
    const on = this.#inks.get(ink) ?? new Map<string, Ink>();
    const known = on.get(ground);
    if (known !== undefined) return known;
    const height = this.#device(ROW_HEIGHT);
    const style = { font: this.#font, colour: ink, background: ground, height, scale: this.#scale };
    const made = canvasInks.of(style);
    this.#inks.set(ink, on.set(ground, made));
    return made;
  }

  #drawLines(context: CanvasRenderingContext2D, cell: Cell, column: number, top: number): void {
    if (cell.kind === 'absent' || cell.cursor) return;
    const { cell: width, char } = this.#metrics;
    const { sel, kinds } = this.#colours;
    const [left, bottom] = [hexColumnLeft(column, this.#metrics), top + ROW_HEIGHT - UNDERLINE];
    if (cell.selected) {
      context.fillStyle = sel;
      context.fillRect(left, bottom, width, UNDERLINE);
      context.fillRect(this.#textLeft(column), bottom, char, UNDERLINE);
    } else if (cell.swatch !== null) {
      context.fillStyle = kinds.get(cell.swatch)?.line ?? sel;
      context.globalAlpha = KIND_LINE;
      context.fillRect(left, bottom, width, UNDERLINE);
      if (cell.starts) context.fillRect(left, top, 1, ROW_HEIGHT - UNDERLINE);
      context.globalAlpha = 1;
    }
    if (!cell.decides) return;
    context.fillStyle = sel;
    for (let x = left; x < left + width; x += 2 * DASH) context.fillRect(x, top, Math.min(DASH, left + width - x), 1);
  }

  #device(length: number): number {
    return Math.round(length * this.#scale);
  }
}
