/** The bookmarks of an open file: those that main keeps, and which of them the cursor is in. */
import type { Bookmark, BookmarksApi } from '@shared/contracts/bookmarks';

/** The first bookmark that begins within a stretch, in a list by offset; null when none does. */
export const beginningIn = (list: readonly Bookmark[], from: number, to: number): Bookmark | null =>
  list.find(({ offset }) => offset >= from && offset < to) ?? null;

/** The shortest bookmark around an offset: of those that lie in one another, the one that says most about the place. */
export function around(list: readonly Bookmark[], at: number): Bookmark | null {
  return list.reduce<Bookmark | null>((best, one) => {
    if (at < one.offset || at >= one.offset + one.length) return best;
    return best === null || one.length < best.length ? one : best;
  }, null);
}

export class MarksState {
  readonly #api: BookmarksApi;
  readonly #path: string;

  /** By offset. */
  list = $state.raw<readonly Bookmark[]>([]);

  constructor(api: BookmarksApi, path: string) {
    this.#api = api;
    this.#path = path;
  }

  /** Asks main for them. Rejects as `BookmarksApi.list` does. */
  async start(): Promise<void> {
    this.list = await this.#api.list(this.#path);
  }

  /** Adds or changes one. Rejects as `BookmarksApi.keep` does; the list is then as it was. */
  async keep(bookmark: Bookmark): Promise<void> {
    this.list = await this.#api.keep(this.#path, bookmark);
  }

  async remove(id: string): Promise<void> {
    this.list = await this.#api.remove(this.#path, id);
  }
}
