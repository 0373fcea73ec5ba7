/** Short texts of one style as pixels, drawn once each and then copied: a screen of bytes is a thousand of them. */

/** Texts kept: all pairs of digits and more. Each takes some 2 KiB. */
const MOST_KEPT = 1024;
/** Device pixels that a text may hang over its own width. */
const OVERHANG = 1;

export interface InkStyle {
  /** As CSS has it. */
  readonly font: string;
  readonly colour: string;
  readonly background: string;
  /** Of a line, in device pixels. */
  readonly height: number;
  /** Device pixels to a CSS pixel. */
  readonly scale: number;
}

/** A text as pixels, line by line. */
export interface Stamp {
  /** Device pixels. */
  readonly width: number;
  /** From its beginning to that of what follows, in CSS pixels. */
  readonly advance: number;
  readonly pixels: Uint32Array;
}

/** A picture that stamps are put on. */
export interface Sheet {
  /** Device pixels, line by line. */
  readonly words: Uint32Array;
  readonly width: number;
  readonly height: number;
}

/** Copies a stamp with its left upper corner at a point in device pixels; what is beyond the sheet's edges is left out. */
export function putStamp(
  { words, width: stride, height }: Sheet,
  { pixels, width }: Stamp,
  left: number,
  top: number,
): void {
  const columns = Math.min(width, stride - left);
  const lines = Math.min(pixels.length / width, height - top);
  let to = top * stride + left;
  let from = 0;
  for (let line = 0; line < lines; line += 1) {
    for (let column = 0; column < columns; column += 1) words[to + column] = pixels[from + column] ?? 0;
    to += stride;
    from += width;
  }
}

/** Texts of one style. */
export interface Ink {
  /** In the middle of a cell that is so many device pixels wide. */
  cell(text: string, width: number): Stamp;
  /** As wide as it is. */
  word(text: string): Stamp;
}

/** What texts and colours are as pixels. */
export interface Inks {
  of(style: InkStyle): Ink;
  /** Colours painted over one another as a word of a picture, whatever way they are written. */
  pixel(...colours: readonly string[]): number;
}

function contextOf(width: number, height: number): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(width, height).getContext('2d', { alpha: false, willReadFrequently: true });
  if (context === null) throw new Error('there is no canvas to draw texts on');
  return context;
}

/** Draws texts on a canvas that grows with them. */
class CanvasInk implements Ink {
  #context: OffscreenCanvasRenderingContext2D;
  readonly #cells = new Map<string, Stamp>();
  readonly #words = new Map<string, Stamp>();

  constructor(readonly style: InkStyle) {
    this.#context = contextOf(style.height, style.height);
    this.#context.font = style.font;
  }

  cell(text: string, width: number): Stamp {
    const known = this.#cells.get(text);
    if (known?.width === width) return known;
    return kept(this.#cells, text, this.#draw(text, width, width / this.style.scale, 'center'));
  }

  word(text: string): Stamp {
    const known = this.#words.get(text);
    if (known !== undefined) return known;
    const advance = this.#context.measureText(text).width;
    const width = Math.ceil(advance * this.style.scale) + OVERHANG;
    return kept(this.#words, text, this.#draw(text, width, advance, 'left'));
  }

  #draw(text: string, width: number, advance: number, align: 'left' | 'center'): Stamp {
    const { font, colour, background, height, scale } = this.style;
    if (this.#context.canvas.width < width) this.#context = contextOf(width, height);
    const context = this.#context;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.font = font;
    context.textAlign = align;
    context.textBaseline = 'middle';
    context.fillStyle = background;
    context.fillRect(0, 0, width / scale, height / scale);
    context.fillStyle = colour;
    context.fillText(text, align === 'center' ? width / scale / 2 : 0, height / scale / 2 + 0.5);
    const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
    return { width, advance, pixels };
  }
}

function kept(known: Map<string, Stamp>, text: string, stamp: Stamp): Stamp {
  if (known.size >= MOST_KEPT) known.clear();
  known.set(text, stamp);
  return stamp;
}

export const canvasInks: Inks = {
  of: (style) => new CanvasInk(style),
  pixel(...colours) {
    const context = contextOf(1, 1);
    for (const colour of colours) {
      context.fillStyle = colour;
      context.fillRect(0, 0, 1, 1);
    }
    return new Uint32Array(context.getImageData(0, 0, 1, 1).data.buffer)[0] ?? 0;
  },
};
