/** Which bookmark is meant at the cursor: one that is kept, to be changed, or a new one of what is selected. */
import { hex } from '@shared/bytes/units';
import type { Bookmark } from '@shared/contracts/bookmarks';
import { count } from '../../lib/format';
import type { OpenFile } from '../open-file.svelte';
import { around } from './marks-state.svelte';

export interface MeantBookmark {
  readonly bookmark: Bookmark;
  readonly kept: boolean;
}

/** What is needed of an open file. */
type Marked = {
  readonly hex: Pick<OpenFile['hex'], 'cursor' | 'selection'>;
  readonly marks: Pick<OpenFile['marks'], 'list'>;
  readonly place: OpenFile['place'];
  readonly leaf: OpenFile['leaf'];
};

/** A selection within a bookmark, or beside one, is a place of its own; the cursor alone means the bookmark that it is in. */
export function meantBookmark(file: Marked): MeantBookmark {
  const kept = around(file.marks.list, file.hex.cursor);
  const { from, to } = file.hex.selection;
  if (kept !== null && (to - from === 1 || (kept.offset === from && kept.length === to - from)))
    return { bookmark: kept, kept: true };
  const name = nameOf(file, from);
  return { bookmark: { id: crypto.randomUUID(), offset: from, length: to - from, name, note: '' }, kept: false };
}

const nameOf = ({ place, leaf }: Marked, offset: number): string =>
  place === null ? (leaf?.node.label ?? hex(offset)) : `${place.pages.block} page ${count(place.page)}`;
