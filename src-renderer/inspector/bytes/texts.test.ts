import { describe, expect, it } from 'vitest';
import { textsAt } from './texts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const utf16 = (text: string): Uint8Array =>
  new Uint8Array(Uint16Array.from(text, (letter) => letter.charCodeAt(0)).buffer);

describe('text at the cursor', () => {
  it('ends before what cannot be printed', () => {
    expect(textsAt(utf8('pc.ram\0abc'))).toEqual([{ encoding: 'ASCII', text: 'pc.ram' }]);
  });

  it('is UTF-8 too where that says more, and a letter that is cut is left out', () => {
    const bytes = utf8('Größe');
    expect(textsAt(bytes).find(({ encoding }) => encoding === 'UTF-8')?.text).toBe('Größe');
    expect(textsAt(bytes.subarray(0, 3), true)).toContainEqual({ encoding: 'ASCII', text: 'Gr' });
  });

  it('is UTF-16 in both orders', () => {
    const bytes = utf16('Windows\0');
    expect(textsAt(bytes)).toEqual([{ encoding: 'UTF-16', text: 'Windows' }]);
    for (let at = 0; at < bytes.length; at += 2) bytes.subarray(at, at + 2).reverse();
    expect(textsAt(bytes)).toEqual([{ encoding: 'UTF-16 be', text: 'Windows' }]);
  });

  it('one letter is chance, unless it was selected', () => {
    expect(textsAt(utf8('A\0\0\0'))).toEqual([]);
    expect(textsAt(utf8('A'), true)).toEqual([{ encoding: 'ASCII', text: 'A' }]);
    expect(textsAt(new Uint8Array(32))).toEqual([]);
  });
});
