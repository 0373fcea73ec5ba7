import { describe, expect, it } from 'vitest';
import type { Bookmark } from '@shared/contracts/bookmarks';
import { around, beginningIn } from './marks-state.svelte';

const mark = (id: string, offset: number, length: number): Bookmark => ({ id, offset, length, name: id, note: '' });
const list = [mark('a', 0, 100), mark('b', 10, 20), mark('c', 16, 1), mark('d', 200, 8)];

describe('the bookmark at a place', () => {
  it.each([
    [0, 'a'],
    [10, 'b'],
    [16, 'c'],
    [17, 'b'],
    [30, 'a'],
    [99, 'a'],
    [100, null],
    [207, 'd'],
    [208, null],
  ])('of byte %i is %s', (at, id) => expect(around(list, at)?.id ?? null).toBe(id));

  it.each([
    [0, 16, 'a'],
    [1, 16, 'b'],
    [11, 17, 'c'],
    [17, 200, null],
    [192, 208, 'd'],
  ])('that begins in %i to %i is %s', (from, to, id) => expect(beginningIn(list, from, to)?.id ?? null).toBe(id));
});
