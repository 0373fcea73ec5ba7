/** Bookmarks of files, one small JSON file for each in the data folder. */
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import {
  MOST_BOOKMARKS,
  MOST_BOOKMARK_NAME,
  MOST_BOOKMARK_NOTE,
  type Bookmark,
  type BookmarksApi,
} from '@shared/contracts/bookmarks';
import { fail } from '@shared/contracts/failure';
import { openFailure } from '../files/registry';
import { writeAside } from '../files/write-aside';
import { readSmallFile } from '../files/small-file';
import { Turns } from '../time/turns';

/** All bookmarks of a file at their longest, in UTF-8 and with their quotes. */
const MOST_FILE_BYTES = 32 * 1024 * 1024;
const DOING = 'keeping bookmarks';

const whole = (least: number) => v.pipe(v.number(), v.safeInteger(), v.minValue(least));

const bookmarkSchema = v.strictObject({
  id: v.pipe(v.string(), v.minLength(1), v.maxLength(100)),
  offset: whole(0),
  length: whole(1),
  name: v.pipe(v.string(), v.maxLength(MOST_BOOKMARK_NAME)),
  note: v.pipe(v.string(), v.maxLength(MOST_BOOKMARK_NOTE)),
});

const fileSchema = v.strictObject({
  formatVersion: v.literal(1),
  /** Where the file was when it was bookmarked last: for people who look into the folder. */
  path: v.string(),
  bookmarks: v.pipe(v.array(bookmarkSchema), v.maxLength(MOST_BOOKMARKS)),
});

/** `folder` is made when the first bookmark is. `replace` writes one file; tests have it fail. */
export function createBookmarks(folder: string, replace: typeof writeAside = writeAside): BookmarksApi {
  const turns = new Turns();

  async function change(
    path: string,
    next: (bookmarks: readonly Bookmark[]) => readonly Bookmark[],
  ): Promise<readonly Bookmark[]> {
    const kept = join(folder, await nameFor(path));
    return turns.take(kept, async () => {
      const bookmarks = [...next(await read(kept))].sort((a, b) => a.offset - b.offset);
      await write(replace, folder, kept, path, bookmarks);
      return bookmarks;
    });
  }

  return {
    list: async (path) => read(join(folder, await nameFor(path))),
    keep: (path, bookmark) => {
      const checked = v.safeParse(bookmarkSchema, bookmark);
      if (!checked.success) return Promise.reject(unusable(checked.issues[0].message));
      return change(path, (bookmarks) => {
        const others = bookmarks.filter(({ id }) => id !== bookmark.id);
        if (others.length < MOST_BOOKMARKS) return [...others, checked.output];
        throw fail('usage', DOING, `This file has ${MOST_BOOKMARKS} bookmarks already`, 'Remove some first.', {
          where: { path },
        });
      });
    },
    remove: (path, id) => change(path, (bookmarks) => bookmarks.filter((one) => one.id !== id)),
  };
}

const unusable = (what: string): Error =>
  fail('usage', DOING, `The bookmark cannot be kept: ${what}`, 'Use a shorter name or note.');

/**
 * Inode, length and time of making: they survive renaming, and a file that later gets the same inode has another time. The
 * device's number is not in it, since that may change from start to start.
 */
async function nameFor(path: string): Promise<string> {
  const { ino, size, birthtimeNs } = await stat(path, { bigint: true }).catch((cause: unknown) => {
    throw openFailure(path, cause);
  });
  return `${ino}-${size}-${birthtimeNs}.json`;
}

async function read(kept: string): Promise<readonly Bookmark[]> {
  let text: string | null;
  try {
    text = await readSmallFile(kept, MOST_FILE_BYTES);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw openFailure(kept, cause);
  }
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), fileSchema), text);
  if (parsed.success) return parsed.output.bookmarks;
  const what = 'The file with the bookmarks is damaged, and was left as it is';
  throw fail('file.io', 'reading bookmarks', what, 'Move it away to begin anew, or mend it.', {
    where: { path: kept },
    detail: parsed.issues[0].message,
  });
}

async function write(
  replace: typeof writeAside,
  folder: string,
  kept: string,
  path: string,
  bookmarks: readonly Bookmark[],
): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await replace(kept, `${JSON.stringify({ formatVersion: 1, path, bookmarks }, null, 2)}\n`);
  } catch (cause) {
    throw fail('file.io', DOING, 'They cannot be written; the old ones are untouched', 'Look at the disk.', {
      where: { path: kept },
      cause,
    });
  }
}
