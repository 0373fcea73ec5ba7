/**
 * The rows in view as one picture, for as long as the scroll bar is being dragged. Every step of a drag changes all rows, and
 * no page can lay out a thousand changed elements within a frame; when the view rests, the elements take over.
 */
import { asciiChar, byteClass, groupedOffset, hexByte, type ByteClass } from './byte-text';
import { Glyphs } from './glyphs';
import type { Row } from './rows';
import type { Sentence } from './sentences';

/** A row and what it says or holds. */
export interface PicturedRow {
  readonly row: Row;
  /** null while they have not come, and for rows that hold none. */
  readonly bytes: Uint8Array | null;
  /** What the text pane has for each byte; null: ASCII. */
  readonly texts: readonly string[] | null;
  /** What stands in the gutter. */
  readonly address: number;
  readonly sentence: Sentence;
  /** For the line that opens a page: what stands in the gutter. */
  readonly number: string;
}

/** Lengths in CSS pixels, colours and fonts, as the page's style has them. */
interface Measures {
  readonly cell: number;
  readonly char: number;
  readonly halfGap: number;
  readonly asciiGap: number;
  readonly gutter: number;
  readonly gutterGap: number;
  readonly mono: string;
  readonly sans: string;
  readonly colour: Readonly<
    Record<'back' | 'strong' | 'text' | 'quiet' | 'line' | 'edge' | 'ones' | 'present' | 'stale', string>
  >;
}

const ROW_HEIGHT = 20;
const INDENT = 12;
/** Of a group of an address; there are as many groups. */
const DIGITS = 4;
/** Characters that fit a gutter, and from the beginning of one group to the next: the space between is narrow (HexRow). */
const GUTTER_CHARS = 17.75;
const GROUP_PITCH = 4.65;
/** The square before a page's name. */
const SWATCH = 9;

function measuresOf(node: HTMLElement): Measures {
  const style = getComputedStyle(node);
  const value = (name: string): string => style.getPropertyValue(name).trim();
  const pixels = (name: string): number => Number.parseFloat(value(name));
  return {
    cell: pixels('--cell'),
    char: pixels('--char'),
    halfGap: pixels('--half-gap'),
    asciiGap: pixels('--ascii-gap'),
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
  };
}

export class MovingPicture {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D | null;
  readonly #measures: Measures;
  readonly #scale = window.devicePixelRatio;
  readonly #hex: Readonly<Record<ByteClass, Glyphs>>;
  readonly #ascii: Readonly<Record<ByteClass, Glyphs>>;
  readonly #digits: Readonly<Record<'lead' | 'rest', Glyphs>>;
  readonly #pixels: ImageData;
  readonly #words: Uint32Array;
  readonly #blank: number;

  /** `canvas` fills the view and inherits its style. */
  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    this.#measures = measuresOf(canvas);
    const { cell, char, mono, gutter, colour } = this.#measures;
    canvas.width = Math.max(1, Math.round(canvas.clientWidth * this.#scale));
    canvas.height = Math.max(1, Math.round(canvas.clientHeight * this.#scale));
    this.#context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
    const glyphs = (width: number, ink: string): Glyphs =>
      new Glyphs({
        font: mono,
        colour: ink,
        background: colour.back,
        width: this.#device(width),
        height: this.#device(ROW_HEIGHT),
        scale: this.#scale,
      });
    const { strong, text, quiet, ones } = colour;
    const byClass = (width: number, inks: Readonly<Record<ByteClass, string>>): Record<ByteClass, Glyphs> => ({
      zero: glyphs(width, inks.zero),
      text: glyphs(width, inks.text),
      ones: glyphs(width, inks.ones),
      other: glyphs(width, inks.other),
    });
    this.#hex = byClass(cell, { zero: quiet, text: strong, ones, other: text });
    this.#ascii = byClass(char, { zero: quiet, text: strong, ones: quiet, other: quiet });
    this.#digits = {
      lead: glyphs((gutter * DIGITS) / GUTTER_CHARS, quiet),
      rest: glyphs((gutter * DIGITS) / GUTTER_CHARS, strong),
    };
    this.#pixels = new ImageData(canvas.width, canvas.height);
    this.#words = new Uint32Array(this.#pixels.data.buffer);
    this.#blank = this.#backgroundPixel();
  }

  draw(rows: readonly PicturedRow[]): void {
    const context = this.#context;
    if (context === null) return;
    this.#words.fill(this.#blank);
    rows.forEach((shown, index) => {
      if (shown.row.kind === 'bytes') this.#drawBytes(shown, index);
    });
    context.putImageData(this.#pixels, 0, 0);
    context.setTransform(this.#scale, 0, 0, this.#scale, 0, 0);
    context.textBaseline = 'middle';
    const { gutter, gutterGap, colour } = this.#measures;
    context.fillStyle = colour.line;
    context.fillRect(Math.round(INDENT + gutter + gutterGap / 2), 0, 1, this.#canvas.height);
    rows.forEach((shown, index) => {
      if (shown.row.kind !== 'bytes') this.#drawSentence(context, shown, index * ROW_HEIGHT);
    });
    // What is in the picture, for whoever cannot look at it.
    this.#canvas.dataset['rows'] = rows.map(({ row }) => row.from).join(' ');
    this.#canvas.dataset['blank'] = String(
      rows.filter(({ row, bytes }) => row.kind === 'bytes' && bytes === null).length,
    );
  }

  #device(length: number): number {
    return Math.round(length * this.#scale);
  }

  /** The background as a word of the picture, whatever way its colour is written. */
  #backgroundPixel(): number {
    const context = this.#context;
    if (context === null) return 0;
    context.fillStyle = this.#measures.colour.back;
    context.fillRect(0, 0, 1, 1);
    return new Uint32Array(context.getImageData(0, 0, 1, 1).data.buffer)[0] ?? 0;
  }

  #drawBytes({ row, bytes, texts, address }: PicturedRow, index: number): void {
    const { cell, char, halfGap, asciiGap, gutter, gutterGap } = this.#measures;
    const stride = this.#canvas.width;
    const line = this.#device(index * ROW_HEIGHT) * stride;
    if (row.kind !== 'bytes') return;
    const put = (glyphs: Glyphs, text: string, x: number): void => {
      const left = this.#device(x);
      if (left + glyphs.style.width <= stride) glyphs.copy(text, this.#words, stride, line + left);
    };
    const pitch = (gutter * GROUP_PITCH) / GUTTER_CHARS;
    const { lead, rest } = groupedOffset(address);
    const zeros = lead.replaceAll(' ', '').length;
    (lead + rest).split(' ').forEach((group, at) => {
      const glyphs = zeros >= (at + 1) * DIGITS ? this.#digits.lead : this.#digits.rest;
      put(glyphs, group, INDENT + at * pitch);
    });
    if (bytes === null) return;
    const hexLeft = INDENT + gutter + gutterGap;
    const textLeft = hexLeft + row.width * cell + (row.width / 8 - 1) * halfGap + asciiGap;
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at] ?? 0;
      const column = row.from - row.base + at;
      const kind = byteClass(byte);
      put(this.#hex[kind], hexByte(byte), hexLeft + column * cell + Math.floor(column / 8) * halfGap);
      put(this.#ascii[kind], texts?.[at] ?? asciiChar(byte), textLeft + column * char);
    }
  }

  #drawSentence(context: CanvasRenderingContext2D, { row, address, sentence, number }: PicturedRow, top: number): void {
    const { gutter, gutterGap, sans, mono, colour } = this.#measures;
    const [left, middle] = [INDENT + gutter + gutterGap, top + ROW_HEIGHT / 2 + 0.5];
    context.textAlign = row.kind === 'page' ? 'right' : 'left';
    context.font = row.kind === 'page' ? sans : mono;
    context.fillStyle = colour.quiet;
    if (row.kind === 'page') context.fillText(number, INDENT + gutter, middle);
    else context.fillText(offsetText(address), INDENT, middle, gutter);
    context.textAlign = 'left';
    if (row.kind === 'hole' || row.kind === 'stale') {
      context.strokeStyle = colour.edge;
      context.setLineDash([3, 3]);
      context.strokeRect(left + 0.5, top + 1.5, this.#canvas.width / this.#scale - left - 4, ROW_HEIGHT - 3);
      context.setLineDash([]);
    }
    if (row.kind === 'page') {
      context.fillStyle = row.segment.pages?.present === true ? colour.present : colour.stale;
      context.fillRect(left, middle - SWATCH / 2, SWATCH, SWATCH);
    }
    const begin = left + (row.kind === 'page' ? 2 * SWATCH + 1 : INDENT + 1);
    context.font = `${row.kind === 'page' ? 600 : 500} ${sans}`;
    context.fillStyle = colour.strong;
    context.fillText(sentence.strong, begin, middle);
    const said = sentence.strong === '' ? 0 : context.measureText(`${sentence.strong} `).width;
    context.font = `400 ${sans}`;
    context.fillStyle = colour.text;
    context.fillText(sentence.rest, begin + said + (row.kind === 'page' ? SWATCH : 0), middle);
  }
}

const offsetText = (offset: number): string => {
  const { lead, rest } = groupedOffset(offset);
  return lead + rest;
};
