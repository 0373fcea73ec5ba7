import { InvalidArgumentError } from 'commander';
import { describe, expect, test } from 'vitest';
import { readSize } from '../files/size';
import { fileArgument, position, wholeNumberFrom } from './arguments';

describe('sizes', () => {
  test.each([
    ['0', 0],
    ['4096', 4096],
    ['0x1000', 4096],
    ['0xFF', 255],
    ['4K', 4096],
    ['1.5M', 1_572_864],
    ['2g', 2 ** 31],
    ['8191T', 8191 * 2 ** 40],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('%s is %d bytes', (text, bytes) => expect(readSize(text)).toBe(bytes));

  test.each(['', '-1', '1e3', '0x', '12Q', ' 1', '1.3', '9007199254740992', '8192P', 'NaN', '0x1K'])(
    '"%s" is no size',
    (text) => {
      expect(readSize(text)).toBeNull();
      expect(() => position(text)).toThrow(InvalidArgumentError);
    },
  );
});

describe('whole numbers', () => {
  test('are taken from the range and refused outside it', () => {
    const channels = wholeNumberFrom(1, 16);
    expect(['1', '16', '0x10'].map((text) => channels(text))).toEqual([1, 16, 16]);
    for (const text of ['0', '17', '2.5', '', 'two']) expect(() => channels(text)).toThrow('from 1 to 16');
  });
});

describe('FILE', () => {
  test.each([
    ['a.mapped', 'a.mapped', null],
    ['a,b', 'a,b', null],
    ['a,offset=1M', 'a', 2 ** 20],
    ['a,b,offset=0x10', 'a,b', 16],
    ['a,offset=1,offset=2', 'a,offset=1', 2],
    ['a,offset=1.5G', 'a', 1.5 * 2 ** 30],
  ])('%s', (text, path, streamOffset) => expect(fileArgument(text)).toEqual({ path, streamOffset }));

  test.each(['many', '', '-1', '9007199254740992', '99999999999E'])('with the offset "%s" is refused', (size) => {
    const refused = expect(() => fileArgument(`a,offset=${size}`));
    refused.toThrow(InvalidArgumentError);
    refused.toThrow(`"${size}"`);
  });
});
