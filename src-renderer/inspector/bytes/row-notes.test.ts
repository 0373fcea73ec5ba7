import { describe, expect, it } from 'vitest';
import { noteOf } from './row-notes';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const words = (...values: readonly bigint[]): Uint8Array => {
  const view = new DataView(new ArrayBuffer(values.length * 8));
  values.forEach((value, index) => view.setBigUint64(index * 8, value, true));
  return new Uint8Array(view.buffer);
};

describe('the note of a row', () => {
  it.each([
    ['\0\0initcall_blacklist\0', 'initcall_blacklist'],
    ['abc\0defgh\0ijklmn', 'ijklmn'],
    [`\0${'x'.repeat(60)}`, `${'x'.repeat(40)}…`],
  ])('of %j is its first text', (bytes, text) =>
    expect(noteOf(encode(bytes), 0, 16, 0)).toEqual({ kind: 'text', text }),
  );

  it('tells a text where it begins, not where it goes on', () => {
    const bytes = encode('a text that is longer than a row of it\0');
    expect(noteOf(bytes, 0, 16, 0)).toMatchObject({ kind: 'text' });
    expect(noteOf(bytes, 16, 16, 0)).toBeNull();
  });

  it('is none for short texts and zeros', () => {
    expect(noteOf(encode('abc\0de\0fghij\0\0\0\0'), 0, 16, 0)).toBeNull();
    expect(noteOf(new Uint8Array(16), 0, 16, 0)).toBeNull();
  });

  it.each<[bigint, boolean]>([
    [0xffff888012345678n, true],
    [0xffffffff81001c40n, true],
    [0xffffc90000000000n, true],
    [0xffff000008001000n, true],
    [0xffffffffffffffffn, false],
    [0xfffffffffffffff0n, false],
    [0xffffffff00000000n, false],
    [0x00007f1234567890n, false],
    [0x0000000012345678n, false],
  ])('takes %s for an address: %s', (value, is) => {
    const found = noteOf(words(0n, value), 0, 16, 0);
    expect(found).toEqual(is ? { kind: 'pointer', address: `0x${value.toString(16)}`, offset: 8 } : null);
  });

  it('looks for addresses at multiples of eight only', () => {
    const bytes = new Uint8Array(20);
    bytes.set(words(0xffff888012345678n), 4);
    expect(noteOf(bytes, 0, 16, 0)).toBeNull();
    expect(noteOf(bytes, 0, 16, 4)).toMatchObject({ offset: 4 });
  });
});
