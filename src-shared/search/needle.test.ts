import { describe, expect, it } from 'vitest';
import type { SearchWhat } from '../contracts/search';
import { readNeedle } from './needle';

const text = (value: string, more: Partial<SearchWhat & { kind: 'text' }> = {}): SearchWhat => ({
  kind: 'text',
  text: value,
  encoding: 'utf8',
  ignoreCase: false,
  ...more,
});
const int = (value: string, width: 1 | 2 | 4 | 8 | null = null, endian: 'little' | 'big' = 'little'): SearchWhat => ({
  kind: 'int',
  value,
  width,
  endian,
});

/** Bytes as `value/mask` where a mask is not ff. */
function bytesOf(what: SearchWhat): string {
  const needle = readNeedle(what);
  if (needle.kind !== 'bytes') return needle.kind;
  const hex = (byte: number | undefined): string => (byte ?? 0).toString(16).padStart(2, '0');
  const { value, mask } = needle.bytes;
  return Array.from(value, (byte, at) => (mask[at] === 0xff ? hex(byte) : `${hex(byte)}/${hex(mask[at])}`)).join(' ');
}

describe('what is searched for', () => {
  it.each<[string, SearchWhat, string]>([
    ['text', text('aé€😀'), '61 c3 a9 e2 82 ac f0 9f 98 80'],
    ['UTF-16', text('aé😀', { encoding: 'utf16le' }), '61 00 e9 00 3d d8 00 de'],
    ['UTF-16, big-endian', text('aé', { encoding: 'utf16be' }), '00 61 00 e9'],
    ['text in either case', text('aZ-1@[', { ignoreCase: true }), '41/df 5a/df 2d 31 40 5b'],
    ['UTF-16 in either case', text('aZ', { encoding: 'utf16le', ignoreCase: true }), '41/df 00 5a/df 00'],
    ['text with cases of several bytes', text('é', { ignoreCase: true }), 'regex'],
    ['bytes', { kind: 'hex', hex: 'DE ad\tbe  ef' }, 'de ad be ef'],
    ['wildcards', { kind: 'hex', hex: 'de ?? b? ?f' }, 'de 00/00 b0/f0 0f/0f'],
    ['a number', int('305419896'), '78 56 34 12'],
    ['a number, big-endian', int('0x12345678', null, 'big'), '12 34 56 78'],
    ['a large number', int('0x1ffffffff'), 'ff ff ff ff 01 00 00 00'],
    ['a negative number', int('-2', 2), 'fe ff'],
    ['the largest number', int('18446744073709551615'), 'ff ff ff ff ff ff ff ff'],
    ['a byte', int('255', 1), 'ff'],
  ])('%s becomes bytes', (_, what, bytes) => expect(bytesOf(what)).toBe(bytes));

  it.each<[string, SearchWhat]>([
    ['no text', text('')],
    ['no bytes', { kind: 'hex', hex: ' ' }],
    ['half a byte', { kind: 'hex', hex: 'abc' }],
    ['no digit', { kind: 'hex', hex: 'ag' }],
    ['wildcards alone', { kind: 'hex', hex: '????' }],
    ['too many bytes', text('x'.repeat(4097))],
    ['no number', int('1.5')],
    ['a number that does not fit its width', int('256', 1)],
    ['a negative number that does not fit', int('-129', 1)],
    ['a number that fits no width', int('18446744073709551616')],
  ])('%s is refused', (_, what) => {
    expect(() => readNeedle(what)).toThrow(
      expect.objectContaining({ failure: expect.objectContaining({ code: 'usage' }) as unknown }) as Error,
    );
  });
});
