import { describe, expect, it } from 'vitest';
import { utf8Cells } from './text-cells';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const shown = (text: string): string => utf8Cells(encode(text), 0, encode(text).length).join('');

describe('the text pane in UTF-8', () => {
  it.each([
    ['plain', 'plain'],
    ['é', 'é‐'],
    ['a€b', 'a€‐‐b'],
    ['🦔', '🦔‐‐‐'],
    ['\u0000\u001f\u007f', '···'],
    ['\u00a0', '··'],
    ['\u200b', '···'],
  ])('shows %j as %j', (text, expected) => expect(shown(text)).toBe(expected));

  it.each<[string, readonly number[]]>([
    ['a lone continuation', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['past the last character', [0xf4, 0x90, 0x80, 0x80]],
    ['cut off', [0xe2, 0x82]],
    ['0xff', [0xff, 0xfe]],
  ])('takes %s for bytes', (_, bytes) =>
    expect(utf8Cells(Uint8Array.from(bytes), 0, bytes.length).join('')).toBe('·'.repeat(bytes.length)),
  );

  it('knows a character that the row cuts, wherever it is cut', () => {
    const bytes = encode('x€🦔y');
    const whole = utf8Cells(bytes, 0, bytes.length);
    for (let from = 0; from < bytes.length; from += 1) {
      for (let count = 1; from + count <= bytes.length; count += 1) {
        expect(utf8Cells(bytes, from, count)).toEqual(whole.slice(from, from + count));
      }
    }
  });
});
