/** Where pictures are put for the page to show: the canvas of the move that goes on. */
import { canvasInks } from '../ink';
import { Picture, type PicturedRow } from './picture';
import type { Measures } from './protocol';

/** What a painter paints on. */
export interface Easel {
  /** From here on pictures go to `canvas`. */
  use(canvas: OffscreenCanvas, measures: Measures): void;
  paint(rows: readonly PicturedRow[]): void;
}

export class CanvasEasel implements Easel {
  #context: OffscreenCanvasRenderingContext2D | null = null;
  #picture: Picture | null = null;
  #image: ImageData | null = null;
  /** What the picture was made for; another move nearly always has the same. */
  #measures = '';

  use(canvas: OffscreenCanvas, measures: Measures): void {
    canvas.width = measures.width;
    canvas.height = measures.height;
    this.#context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
    const told = JSON.stringify(measures);
    if (told === this.#measures) return;
    const picture = new Picture(measures, canvasInks);
    this.#picture = picture;
    this.#image = new ImageData(new Uint8ClampedArray(picture.words.buffer), measures.width, measures.height);
    this.#measures = told;
  }

  paint(rows: readonly PicturedRow[]): void {
    if (this.#picture === null || this.#image === null) return;
    this.#picture.draw(rows);
    this.#context?.putImageData(this.#image, 0, 0);
  }
}
