/** Short texts of one height as pixels, drawn once each and then copied: a screen of bytes is a thousand of them. */

/** Texts kept: all pairs of digits and more. Each takes some 2 KiB. */
const MOST_KEPT = 1024;

export interface GlyphStyle {
  /** As CSS has it. */
  readonly font: string;
  readonly colour: string;
  readonly background: string;
  /** Device pixels. */
  readonly width: number;
  readonly height: number;
  /** Device pixels to a CSS pixel. */
  readonly scale: number;
}

export class Glyphs {
  readonly #canvas: OffscreenCanvasRenderingContext2D | null;
  readonly #known = new Map<string, Uint32Array>();

  constructor(readonly style: GlyphStyle) {
    const { font, background, width, height, scale } = style;
    this.#canvas = new OffscreenCanvas(width, height).getContext('2d', { alpha: false, willReadFrequently: true });
    if (this.#canvas === null) return;
    this.#canvas.font = font;
    this.#canvas.textAlign = 'center';
    this.#canvas.textBaseline = 'middle';
    this.#canvas.scale(scale, scale);
    this.#canvas.fillStyle = background;
  }

  /** Copies a text into a picture that is `stride` pixels wide, its left upper corner at pixel `at`. */
  copy(text: string, picture: Uint32Array, stride: number, at: number): void {
    const { width, height } = this.style;
    const pixels = this.#known.get(text) ?? this.#draw(text);
    // What is below the picture's edge is left out.
    const lines = Math.min(height, Math.floor((picture.length - at - width) / stride) + 1);
    for (let line = 0, from = 0, to = at; line < lines; line += 1, to += stride - width) {
      for (let column = 0; column < width; column += 1) picture[to++] = pixels[from++] ?? 0;
    }
  }

  #draw(text: string): Uint32Array {
    const { background, colour, width, height, scale } = this.style;
    const context = this.#canvas;
    if (context === null) return new Uint32Array(width * height);
    context.fillStyle = background;
    context.fillRect(0, 0, width / scale, height / scale);
    context.fillStyle = colour;
    context.fillText(text, width / scale / 2, height / scale / 2 + 0.5);
    const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
    if (this.#known.size >= MOST_KEPT) this.#known.clear();
    this.#known.set(text, pixels);
    return pixels;
  }
}
