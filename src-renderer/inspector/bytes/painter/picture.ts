/**
 * The rows in view as one picture, for as long as the scroll bar is being dragged. Every step of a drag changes all rows, and
 * no page can lay out a thousand changed elements within a frame; when the view rests, the elements take over.
 *
 * The picture keeps what it was: rows of bytes all have their cells in the same places, so only what they do not cover is
 * wiped.
 */
import { asciiChar, byteClass, hexByte, type ByteClass } from '../byte-text';
import { EDGE, hexColumnLeft, hexPaneAt, textPaneAt } from '../panes';
import type { Row } from '../rows';
import type { Sentence } from '../sentences';
import { putStamp, type Ink, type Inks, type Sheet, type Stamp } from '../ink';
import type { Ink as Colour, Measures } from './protocol';

/** A row and what it says or holds. */
export interface PicturedRow {
  readonly row: Row;
  /** null while they have not come, and for rows that hold none. */
  readonly bytes: Uint8Array | null;
  /** What the text pane has for each byte; null: ASCII. */
  readonly texts: readonly string[] | null;
  /** What stands in the gutter. */
  readonly address: number;
  /** null for a row of bytes. */
  readonly sentence: Sentence | null;
  /** For the line that opens a page: what stands in the gutter. */
  readonly number: string;
}

const ROW_HEIGHT = 20;
const OFFSET_DIGITS = 16;
/** Of a group of an address. */
const GROUP_DIGITS = 4;
/** Characters that fit a gutter, and from the beginning of one group to the next: the space between is narrow (HexRow). */
const GUTTER_CHARS = 17.75;
const GROUP_PITCH = 4.65;
/** The square before a page's name. */
const SWATCH = 9;
/** Room before what rows say that can be opened. */
const CHEVRON = 13;
const DASH = 3;
/** Digits one by one, and what is between them as a whole: what changes from row to row are numbers. */
const PARTS = /\d|\D+/g;

/** What a line of the picture has: `full`, a row of bytes with all its cells. */
type Line = 'full' | 'other' | 'empty';

export class Picture {
  /** Device pixels, line by line. */
  readonly words: Uint32Array<ArrayBuffer>;
  readonly #measures: Measures;
  readonly #sheet: Sheet;
  readonly #pixel: Readonly<Record<Colour, number>>;
  readonly #hex: readonly Stamp[];
  readonly #ascii: readonly Stamp[];
  /** For texts that stand for several bytes. */
  readonly #texts: Readonly<Record<ByteClass, Ink>>;
  readonly #digits: Readonly<Record<'lead' | 'rest', readonly Stamp[]>>;
  readonly #sans: Readonly<Record<'title' | 'strong' | 'text' | 'quiet', Ink>>;
  #lines: Line[] = [];

  constructor(measures: Measures, inks: Inks) {
    this.#measures = measures;
    this.words = new Uint32Array(measures.width * measures.height);
    this.#sheet = { words: this.words, width: measures.width, height: measures.height };
    const { cell, char, mono, sans, gutter, colour, scale } = measures;
    const colours = Object.entries(colour) as [Colour, string][];
    this.#pixel = Object.fromEntries(colours.map(([name, css]) => [name, inks.pixel(css)])) as Record<Colour, number>;
    const height = this.#device(ROW_HEIGHT);
    const ink = (font: string, name: Colour): Ink =>
      inks.of({ font, colour: colour[name], background: colour.back, height, scale });
    const byClass = (names: Readonly<Record<ByteClass, Colour>>): Readonly<Record<ByteClass, Ink>> => ({
      zero: ink(mono, names.zero),
      text: ink(mono, names.text),
      ones: ink(mono, names.ones),
      other: ink(mono, names.other),
    });
    const digits = (name: Colour): readonly Stamp[] => {
      const own = ink(mono, name);
      return Array.from({ length: 16 }, (_, digit) =>
        own.cell(digit.toString(16), this.#device(gutter / GUTTER_CHARS)),
      );
    };
    const hex = byClass({ zero: 'quiet', text: 'strong', ones: 'ones', other: 'text' });
    this.#texts = byClass({ zero: 'quiet', text: 'strong', ones: 'quiet', other: 'quiet' });
    this.#hex = everyByte((byte) => hex[byteClass(byte)].cell(hexByte(byte), this.#device(cell)));
    this.#ascii = everyByte((byte) => this.#texts[byteClass(byte)].cell(asciiChar(byte), this.#device(char)));
    this.#digits = { lead: digits('quiet'), rest: digits('strong') };
    this.#sans = {
      title: ink(`600 ${sans}`, 'strong'),
      strong: ink(`500 ${sans}`, 'strong'),
      text: ink(`400 ${sans}`, 'text'),
      quiet: ink(`400 ${sans}`, 'quiet'),
    };
  }

  draw(rows: readonly PicturedRow[]): void {
    const most = Math.ceil(this.#measures.height / this.#device(ROW_HEIGHT));
    this.#lines = Array.from({ length: most }, (_, index) => {
      const shown = rows[index];
      const [was, is] = [this.#lines[index], shown === undefined ? 'empty' : lineOf(shown)];
      if (was !== is || is === 'other') this.#wipe(index);
      if (shown?.row.kind === 'bytes') this.#drawBytes(shown, shown.row, index);
      else if (shown !== undefined) this.#drawSentence(shown, index);
      return is;
    });
  }

  #device(length: number): number {
    return Math.round(length * this.#measures.scale);
  }

  /** Empty, but for the line beside the gutter. */
  #wipe(index: number): void {
    const { gutter, gutterGap, height } = this.#measures;
    const [top, end] = [this.#device(index * ROW_HEIGHT), Math.min(height, this.#device((index + 1) * ROW_HEIGHT))];
    this.#fill(0, top, Number.POSITIVE_INFINITY, end, this.#pixel.back);
    const left = this.#device(Math.round(EDGE + gutter + gutterGap / 2));
    this.#fill(left, top, left + Math.max(1, this.#device(1)), end, this.#pixel.line);
  }

  #fill(left: number, top: number, right: number, bottom: number, pixel: number): void {
    const { width, height } = this.#measures;
    for (let line = top; line < Math.min(bottom, height); line += 1) {
      this.words.fill(pixel, line * width + Math.min(left, width), line * width + Math.min(right, width));
    }
  }

  #put(stamp: Stamp, left: number, top: number): void {
    putStamp(this.#sheet, stamp, left, top);
  }

  #drawBytes({ bytes, texts, address }: PicturedRow, row: Row & { readonly kind: 'bytes' }, index: number): void {
    const measures = this.#measures;
    const top = this.#device(index * ROW_HEIGHT);
    this.#drawAddress(address, top);
    if (bytes === null) return;
    const hexLeft = hexPaneAt(measures);
    const textLeft = hexLeft + textPaneAt(row.width, measures);
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at] ?? 0;
      const column = row.from - row.base + at;
      const [hex, ascii] = [this.#hex[byte], texts === null ? this.#ascii[byte] : this.#text(byte, texts[at])];
      if (hex) this.#put(hex, this.#device(hexLeft + hexColumnLeft(column, measures)), top);
      if (ascii) this.#put(ascii, this.#device(textLeft + column * measures.char), top);
    }
  }

  #text(byte: number, text = asciiChar(byte)): Stamp {
    return this.#texts[byteClass(byte)].cell(text, this.#device(this.#measures.char));
  }

  /** In groups of four digits; leading zeros are quiet. */
  #drawAddress(address: number, top: number): void {
    const char = this.#measures.gutter / GUTTER_CHARS;
    const significant = address.toString(16);
    const zeros = OFFSET_DIGITS - significant.length;
    for (let at = 0; at < OFFSET_DIGITS; at += 1) {
      const digit = at < zeros ? 0 : Number.parseInt(significant.charAt(at - zeros), 16);
      const stamp = this.#digits[at < zeros ? 'lead' : 'rest'][digit];
      const chars = Math.floor(at / GROUP_DIGITS) * GROUP_PITCH + (at % GROUP_DIGITS);
      if (stamp) this.#put(stamp, this.#device(EDGE + chars * char), top);
    }
  }

  #drawSentence({ row, address, sentence, number }: PicturedRow, index: number): void {
    const { gutter } = this.#measures;
    const { title, strong, text, quiet } = this.#sans;
    const top = this.#device(index * ROW_HEIGHT);
    const left = hexPaneAt(this.#measures);
    const { strong: what, rest: why } = sentence ?? { strong: '', rest: '' };
    if (row.kind === 'page') {
      this.#say(quiet, number, EDGE + gutter - widthOf(quiet, number), top);
      this.#swatch(left, index, row.segment.pages?.present === true ? this.#pixel.present : this.#pixel.stale);
      const end = this.#say(title, `${what} `, left + 2 * SWATCH + 1, top);
      this.#say(text, why, end + SWATCH, top);
      return;
    }
    this.#drawAddress(address, top);
    const begin = left + EDGE + 1 + (row.kind === 'hole' ? 0 : CHEVRON);
    const end = this.#say(strong, what === '' ? '' : `${what} `, begin, top);
    this.#say(text, why, end, top);
    if (row.kind !== 'fold') this.#frame(left, index, row.kind === 'stale' ? this.#pixel.stale : this.#pixel.edge);
  }

  /** Writes a text from a place on in CSS pixels; answers where it ends. */
  #say(ink: Ink, text: string, left: number, top: number): number {
    let at = left;
    for (const part of partsOf(text)) {
      const stamp = ink.word(part);
      this.#put(stamp, this.#device(at), top);
      at += stamp.advance;
    }
    return at;
  }

  #swatch(left: number, index: number, pixel: number): void {
    const above = index * ROW_HEIGHT + (ROW_HEIGHT - SWATCH) / 2 + 0.5;
    const [top, bottom] = [this.#device(above), this.#device(above + SWATCH)];
    this.#fill(this.#device(left), top, this.#device(left + SWATCH), bottom, pixel);
  }

  /** Dashes around what is not on disk. */
  #frame(from: number, index: number, edge: number): void {
    const { width } = this.#measures;
    const thick = Math.max(1, this.#device(1));
    const [left, right] = [this.#device(from), width - this.#device(3)];
    const [top, bottom] = [this.#device(index * ROW_HEIGHT + 1), this.#device((index + 1) * ROW_HEIGHT - 1) - thick];
    const dash = this.#device(DASH);
    for (let at = left; at < right; at += 2 * dash) {
      const end = Math.min(at + dash, right);
      this.#fill(at, top, end, top + thick, edge);
      this.#fill(at, bottom, end, bottom + thick, edge);
    }
    for (let at = top; at < bottom; at += 2 * dash) {
      const end = Math.min(at + dash, bottom);
      this.#fill(left, at, left + thick, end, edge);
      this.#fill(right - thick, at, right, end, edge);
    }
  }
}

const everyByte = (stamp: (byte: number) => Stamp): readonly Stamp[] =>
  Array.from({ length: 256 }, (_, byte) => stamp(byte));

const lineOf = ({ row, bytes }: PicturedRow): Line =>
  row.kind === 'bytes' && bytes?.length === row.width ? 'full' : 'other';

const partsOf = (text: string): readonly string[] => text.match(PARTS) ?? [];

const widthOf = (ink: Ink, text: string): number =>
  partsOf(text).reduce((width, part) => width + ink.word(part).advance, 0);
