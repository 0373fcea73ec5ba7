import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { MOST_BOOKMARKS, type Bookmark, type BookmarksApi } from '@shared/contracts/bookmarks';
import { tempDirPerTest } from '../../test/support/temp';
import { createBookmarks } from './bookmarks';

const temp = tempDirPerTest();
const at = (name: string): string => join(temp(), name);
const mark = (id: string, offset: number, change: Partial<Bookmark> = {}): Bookmark => ({
  id,
  offset,
  length: 1,
  name: id,
  note: '',
  ...change,
});
let bookmarks: BookmarksApi;
const store = (): string => at('kept');

beforeEach(async () => {
  bookmarks = createBookmarks(store());
  await writeFile(at('a'), 'some bytes');
  await writeFile(at('b'), 'other bytes');
});

describe('bookmarks', () => {
  it('are none at first, and nothing is made for looking', async () => {
    expect(await bookmarks.list(at('a'))).toEqual([]);
    await expect(readdir(store())).rejects.toThrow('ENOENT');
  });

  it('stay, by offset, for the file that they are of, and for the next who asks', async () => {
    await bookmarks.keep(at('a'), mark('two', 20, { note: 'a note\nof two lines', length: 211 }));
    await bookmarks.keep(at('a'), mark('one', 10));
    const again = createBookmarks(store());
    expect((await again.list(at('a'))).map(({ id }) => id)).toEqual(['one', 'two']);
    expect((await again.list(at('a')))[1]).toEqual(mark('two', 20, { note: 'a note\nof two lines', length: 211 }));
    expect(await again.list(at('b'))).toEqual([]);
  });

  it('are changed by id, and removed', async () => {
    await bookmarks.keep(at('a'), mark('one', 10));
    expect(await bookmarks.keep(at('a'), mark('one', 30, { name: 'other' }))).toEqual([
      mark('one', 30, { name: 'other' }),
    ]);
    expect(await bookmarks.remove(at('a'), 'two')).toHaveLength(1);
    expect(await bookmarks.remove(at('a'), 'one')).toEqual([]);
  });

  it('follow a file that is renamed, and its folder', async () => {
    await mkdir(at('folder'));
    await rename(at('a'), at('folder/c'));
    await bookmarks.keep(at('folder/c'), mark('one', 10));
    await rename(at('folder'), at('moved'));
    expect(await bookmarks.list(at('moved/c'))).toHaveLength(1);
  });

  it('that are kept at once are all kept', async () => {
    await Promise.all(Array.from({ length: 30 }, (_, index) => bookmarks.keep(at('a'), mark(`m${index}`, index))));
    expect(await bookmarks.list(at('a'))).toHaveLength(30);
    expect(await readdir(store())).toHaveLength(1);
  });

  it.each<[string, Partial<Bookmark>]>([
    ['a negative offset', { offset: -1 }],
    ['an offset that is no number', { offset: Number.NaN }],
    ['no length', { length: 0 }],
    ['a name of 201 characters', { name: 'x'.repeat(201) }],
    ['a note of 4001 characters', { note: 'x'.repeat(4001) }],
    ['no id', { id: '' }],
  ])('with %s are refused', async (_, change) => {
    await expect(bookmarks.keep(at('a'), mark('one', 1, change))).rejects.toMatchObject({ failure: { code: 'usage' } });
    expect(await bookmarks.list(at('a'))).toEqual([]);
  });

  it('of a file that is not there are refused with its path', async () => {
    await expect(bookmarks.list(at('none'))).rejects.toMatchObject({
      failure: { code: 'file.not-found', where: { path: at('none') } },
    });
  });

  it.each([
    '',
    '{',
    'null',
    '[]',
    '{"formatVersion":2,"path":"","bookmarks":[]}',
    '{"formatVersion":1,"path":"","bookmarks":[{"id":"x"}]}',
  ])('in a damaged file (%j) are told, and the file is left as it is', async (text) => {
    await bookmarks.keep(at('a'), mark('one', 10));
    const [name = ''] = await readdir(store());
    await writeFile(join(store(), name), text);
    const { list, keep, remove } = bookmarks;
    for (const ask of [list, (path: string) => keep(path, mark('two', 1)), (path: string) => remove(path, 'one')]) {
      await expect(ask(at('a'))).rejects.toMatchObject({
        failure: { code: 'file.io', where: { path: join(store(), name) } },
      });
    }
    expect(await readFile(join(store(), name), 'utf8')).toBe(text);
  });

  it('are bounded in number', async () => {
    const [name = ''] = await bookmarks.keep(at('a'), mark('one', 10)).then(() => readdir(store()));
    const many = Array.from({ length: MOST_BOOKMARKS }, (_, index) => mark(`m${index}`, index));
    await writeFile(join(store(), name), JSON.stringify({ formatVersion: 1, path: '', bookmarks: many }));
    await expect(bookmarks.keep(at('a'), mark('more', 1))).rejects.toMatchObject({ failure: { code: 'usage' } });
    expect(await bookmarks.keep(at('a'), mark('m3', 7))).toHaveLength(MOST_BOOKMARKS);
  });

  it('that cannot be written leave the old ones', async () => {
    await bookmarks.keep(at('a'), mark('one', 10));
    const [name = ''] = await readdir(store());
    const full = createBookmarks(store(), () => Promise.reject(new Error('ENOSPC')));
    await expect(full.keep(at('a'), mark('two', 20))).rejects.toMatchObject({
      failure: { code: 'file.io', where: { path: join(store(), name) } },
    });
    expect(await bookmarks.list(at('a'))).toEqual([mark('one', 10)]);
  });
});
