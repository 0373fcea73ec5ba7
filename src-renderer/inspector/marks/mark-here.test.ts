import { describe, expect, it } from 'vitest';
import type { Bookmark } from '@shared/contracts/bookmarks';
import type { PageRun } from '@shared/contracts/inspector-port';
import { meantBookmark } from './mark-here';

const kept: Bookmark = { id: 'kept', offset: 10, length: 20, name: 'header', note: 'odd' };
const pages = { block: 'pc.ram' } as PageRun;

const meant = (from: number, to: number, place: { page: number } | null = null): ReturnType<typeof meantBookmark> =>
  meantBookmark({
    hex: { cursor: from, selection: { from, to } },
    marks: { list: [kept] },
    place: place === null ? null : { pages, page: place.page, within: 0 },
    leaf: null,
  });

describe('the bookmark that is meant', () => {
  it.each([
    ['by the cursor in one', 12, 13, true],
    ['by the selection of all of one', 10, 30, true],
    ['by a selection within one', 12, 16, false],
    ['by a selection that goes beyond one', 10, 31, false],
    ['by the cursor beside one', 30, 31, false],
  ])('%s is known or new', (_, from, to, known) => {
    const { bookmark, kept: isKept } = meant(from, to);
    expect(isKept).toBe(known);
    if (known) expect(bookmark).toBe(kept);
    else expect(bookmark).toMatchObject({ offset: from, length: to - from, note: '' });
  });

  it('has the name of the place when it is new', () => {
    expect(meant(0x40, 0x41).bookmark.name).toBe('0x40');
    expect(meant(0x40, 0x41, { page: 1234 }).bookmark.name).toBe('pc.ram page 1\u00a0234');
    expect(meant(0x40, 0x41).bookmark.id).not.toBe(meant(0x40, 0x41).bookmark.id);
  });
});
