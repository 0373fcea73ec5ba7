/** Bookmarks with notes in a saved file, kept between sessions. Implemented by src-main/bookmarks. */

/** Most bookmarks of one file, and most characters of a name and of a note. */
export const MOST_BOOKMARKS = 1000;
export const MOST_BOOKMARK_NAME = 200;
export const MOST_BOOKMARK_NOTE = 4000;

export interface Bookmark {
  /** Unique among those of the file; given by who makes it. */
  readonly id: string;
  /** File offset of its first byte, and how many bytes it is about: at least 1. */
  readonly offset: number;
  readonly length: number;
  readonly name: string;
  /** Empty where there is none. */
  readonly note: string;
}

/**
 * A file is known by what stays the same when it is renamed or its folder is: a snapshot keeps its bookmarks, and so does a
 * file that is opened by its path. Every call answers all of the file's bookmarks, by offset.
 */
export interface BookmarksApi {
  list(path: string): Promise<readonly Bookmark[]>;
  /** Adds it, or puts it in place of the one with its id. */
  keep(path: string, bookmark: Bookmark): Promise<readonly Bookmark[]>;
  remove(path: string, id: string): Promise<readonly Bookmark[]>;
}
