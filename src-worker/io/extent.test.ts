import { describe, expect, it } from 'vitest';
import { fileOffset } from '@shared/bytes/units';
import { extentFrom, type HoleSeeker } from './extent';

/** A file of ten bytes, of which those in `data` are data; `between` happens between two calls. */
function tenBytes(data: Set<number>, between: (call: number) => void = () => undefined): HoleSeeker {
  let calls = 0;
  const seek = (offset: number, wanted: boolean): number | null => {
    between((calls += 1));
    for (let at = offset; at < 10; at += 1) if (data.has(at) === wanted) return at;
    return null;
  };
  return {
    size: () => 10,
    seekData: (offset) => seek(offset, true),
    seekHole: (offset) => (offset >= 10 ? null : (seek(offset, false) ?? 10)),
  };
}

describe('a stretch of a file', () => {
  it.each([
    [0, 'hole', 3],
    [1, 'hole', 2],
    [3, 'data', 2],
    [4, 'data', 1],
    [5, 'hole', 5],
  ] as const)('from byte %i on is a %s of %i bytes', (offset, kind, length) => {
    expect(extentFrom(tenBytes(new Set([3, 4])), fileOffset(offset))).toEqual({ kind, offset, length });
  });

  it.each([10, 11])('from byte %i on is none: the file ends before', (offset) => {
    expect(extentFrom(tenBytes(new Set([3])), fileOffset(offset))).toBeNull();
  });

  it('that is written between two looks is data, and not the end of the file', () => {
    const data = new Set([7]);
    const file = tenBytes(data, (call) => call === 2 && data.add(0));
    expect(extentFrom(file, fileOffset(0))).toEqual({ kind: 'data', offset: 0, length: 1 });
  });
});
