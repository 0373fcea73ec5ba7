import { describe, expect, it } from 'vitest';
import { indexOfBytes } from './index-of';

const of = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('bytes in bytes', () => {
  it.each([
    ['abcabd', 'abd', 0, 3],
    ['abcabd', 'abc', 0, 0],
    ['abcabd', 'abc', 1, -1],
    ['aaaaab', 'aab', 0, 3],
    ['aaaaab', 'b', 0, 5],
    ['aaaaab', 'ba', 0, -1],
    ['ab', 'abc', 0, -1],
    ['ab', 'ab', 5, -1],
    ['', 'a', 0, -1],
  ])('%j: where %j stands from %i on is %i', (bytes, pattern, from, where) => {
    expect(indexOfBytes(of(bytes), of(pattern), from)).toBe(where);
  });

  it('are found where Node finds them', () => {
    const bytes = Buffer.from(Array.from({ length: 5000 }, (_, at) => ((at * 7919) >> 5) & 3));
    for (let at = 0; at < 4990; at += 13) {
      const pattern = bytes.subarray(at, at + 9);
      expect(indexOfBytes(bytes, pattern, at >> 1)).toBe(bytes.indexOf(pattern, at >> 1));
    }
  });
});
