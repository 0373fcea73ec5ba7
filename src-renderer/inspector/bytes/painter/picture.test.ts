import { describe, expect, it } from 'vitest';
import type { Segment } from '@shared/contracts/inspector-port';
import type { Row } from '../rows';
import type { Inks, InkStyle, Stamp } from '../ink';
import { Picture, type PicturedRow } from './picture';
import type { Measures } from './protocol';

const BACK = 1;
const LINE = 2;
const measures: Measures = {
  cell: 21,
  char: 8,
  groupGap: 8,
  textGap: 12,
  gutter: 133,
  gutterGap: 22,
  mono: 'mono',
  sans: 'sans',
  colour: {
    back: '1',
    line: '2',
    strong: '3',
    text: '4',
    quiet: '5',
    edge: '6',
    ones: '7',
    present: '8',
    stale: '9',
  },
  scale: 1,
  width: 700,
  height: 70,
};

/** Texts get numbers, and a stamp is full of its own: so each pixel of a picture tells what it is of. */
class NumberedInks implements Inks {
  readonly texts: string[] = Array.from({ length: 10 }, () => '');
  readonly pixel = Number;

  of({ font, colour, height, scale }: InkStyle): {
    cell(text: string, width: number): Stamp;
    word(text: string): Stamp;
  } {
    const stamp = (text: string, width: number): Stamp => {
      const name = `${font} ${colour} ${text}`;
      if (!this.texts.includes(name)) this.texts.push(name);
      return { width, advance: width / scale, pixels: new Uint32Array(width * height).fill(this.texts.indexOf(name)) };
    };
    return { cell: stamp, word: (text) => stamp(text, text.length * 6 * scale) };
  }
}

const segment: Segment = {
  offset: 0,
  length: 2 ** 20,
  kind: 'data',
  pages: { block: 'pc.ram', pageSize: 4096, pagesOffset: 0, present: true },
};
const plain = { bytes: null, texts: null, sentence: null, number: '' };
const bytesRow = (from: number, bytes: readonly number[] | null): PicturedRow => {
  const row: Row = { kind: 'bytes', from, to: from + 16, segment, base: from - (from % 16), width: 16 };
  return { ...plain, row, bytes: bytes === null ? null : Uint8Array.from(bytes), address: row.base };
};
const sixteen = (first: number): number[] => Array.from({ length: 16 }, (_, at) => (first + at) % 256);
const hole: PicturedRow = {
  ...plain,
  row: { kind: 'hole', from: 0x40, to: 0x80, segment },
  address: 0x40,
  sentence: { strong: 'Hole, 64 bytes.', rest: 'Reads as zeros.' },
};
const opening: PicturedRow = {
  ...plain,
  row: { kind: 'page', from: 0x1000, to: 0x1000, segment },
  address: 0x1000,
  sentence: { strong: 'pc.ram, page 1', rest: 'present' },
  number: 'page 1',
};

interface Drawn {
  readonly words: Uint32Array;
  /** What is at a point in CSS pixels. */
  at(x: number, y: number): string | number;
}

function drawn(pictures: readonly (readonly PicturedRow[])[], scale = 1): Drawn {
  const inks = new NumberedInks();
  const [width, height] = [measures.width * scale, measures.height * scale];
  const picture = new Picture({ ...measures, scale, width, height }, inks);
  for (const rows of pictures) picture.draw(rows);
  const at = (x: number, y: number): string | number => {
    const pixel = picture.words[Math.round(y * scale) * width + Math.round(x * scale)] ?? Number.NaN;
    return inks.texts[pixel] || pixel;
  };
  return { words: picture.words, at };
}

/** Left edges: 12 + gutter + its gap, and behind 16 cells the text pane. */
const HEX = 167;
const TEXT = HEX + 16 * 21 + 8 + 12;

describe('a picture of rows', () => {
  it.each([1, 2, 1.5])('has bytes, texts and offsets where the rows have them, %s device pixels to one', (scale) => {
    const { at } = drawn([[bytesRow(0x1f0, sixteen(0x3c)), hole, bytesRow(0x80, sixteen(0xfa))]], scale);
    expect(at(HEX + 5, 10)).toBe('mono 3 3c');
    expect(at(HEX + 7 * 21 + 10, 19)).toBe('mono 3 43');
    expect(at(HEX + 8 * 21 + 8 + 10, 2)).toBe('mono 3 44');
    expect(at(HEX + 8 * 21 + 4, 10)).toBe(BACK);
    expect(at(TEXT + 4, 10)).toBe('mono 3 <');
    expect(at(TEXT + 15 * 8 + 4, 10)).toBe('mono 3 K');
    expect(at(HEX + 5 * 21 + 10, 50)).toBe('mono 7 ff');
    expect(at(HEX + 6 * 21 + 10, 50)).toBe('mono 5 00');
    expect(at(HEX + 7 * 21 + 10, 50)).toBe('mono 4 01');
    expect(at(16, 10)).toBe('mono 5 0');
    // 0x1f0: the last three of sixteen digits are not leading zeros.
    const [pitch, char] = [(133 * 4.65) / 17.75, 133 / 17.75];
    expect(at(12 + 3 * pitch + char / 2, 10)).toBe('mono 5 0');
    expect(at(12 + 3 * pitch + 1.5 * char, 10)).toBe('mono 3 1');
    expect(at(12 + 3 * pitch + 2.5 * char, 10)).toBe('mono 3 f');
    expect(at(156.2, 10)).toBe(LINE);
    expect(at(690, 69)).toBe(BACK);
  });

  it('writes sentences word by word, numbers digit by digit', () => {
    const { at } = drawn([[hole, opening]]);
    expect(at(181, 10)).toBe('500 sans 3 Hole, ');
    expect(at(180 + 6 * 6 + 2, 10)).toBe('500 sans 3 6');
    expect(at(180 + 7 * 6 + 2, 10)).toBe('500 sans 3 4');
    expect(at(180 + 16 * 6 + 2, 10)).toBe('400 sans 4 Reads as zeros.');
    expect(at(HEX + 1, 1)).toBe(6);
    expect(at(HEX + 4, 30)).toBe(8);
    expect(at(HEX + 20, 30)).toBe('600 sans 3 pc.ram, page ');
    // Right-aligned in the gutter.
    expect(at(12 + 133 - 2, 30)).toBe('400 sans 5 1');
    expect(at(12 + 133 - 8, 30)).toBe('400 sans 5 page ');
  });

  it('has a character of several bytes as the text pane has it', () => {
    const row = { ...bytesRow(0, sixteen(0xe2)), texts: Array.from({ length: 16 }, (_, at) => (at === 0 ? 'Σ' : '‐')) };
    const { at } = drawn([[row]]);
    expect([at(TEXT + 4, 10), at(TEXT + 12, 10)]).toEqual(['mono 5 Σ', 'mono 5 ‐']);
  });

  const screens: Readonly<Record<string, readonly PicturedRow[]>> = {
    'full rows': [
      bytesRow(0, sixteen(0)),
      bytesRow(16, sixteen(99)),
      bytesRow(32, sixteen(7)),
      bytesRow(48, sixteen(9)),
    ],
    'rows without bytes': [bytesRow(0, null), bytesRow(16, sixteen(1)), bytesRow(32, null)],
    'rows that are short or begin late': [
      bytesRow(3, sixteen(0).slice(3)),
      bytesRow(16, [1, 2]),
      bytesRow(32, sixteen(7)),
    ],
    sentences: [opening, hole, opening, hole],
    mixed: [hole, bytesRow(0, sixteen(5)), opening],
    'nothing at all': [],
  };
  const names = Object.keys(screens);
  it.each(names.flatMap((before) => names.map((after) => [before, after] as const)))(
    'keeps nothing of what was there: after %s, %s',
    (before, after) => {
      const [first, second] = [screens[before] ?? [], screens[after] ?? []];
      const again = drawn([first, second]);
      const fresh = drawn([second]);
      const all = (picture: Drawn): string =>
        Array.from({ length: 700 * 70 }, (_, index) => picture.at(index % 700, Math.floor(index / 700))).join();
      expect(all(again) === all(fresh)).toBe(true);
    },
  );

  it('leaves out what is beyond its edges', () => {
    const far = { ...hole, sentence: { strong: 'x'.repeat(200), rest: 'beyond' } };
    const { words, at } = drawn([[far, hole, hole, hole]]);
    expect(words).toHaveLength(700 * 70);
    expect(at(699, 10)).toMatch(/^500 sans 3 x/);
    expect(at(0, 30)).toBe(BACK);
  });
});
