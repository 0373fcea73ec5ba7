import type { Bookmark } from '@shared/contracts/bookmarks';
import { hex } from '@shared/bytes/units';
import { fileArgument, type FileArgument } from '../arguments';
import { addCommand, type Answer, type CommonOptions, type Desk } from '../command';
import { table } from '../format';
import { withFile } from '../lease';

export function addBookmarks(desk: Desk): void {
  addCommand(desk, 'bookmarks', 'list the bookmarks that were set in a file, with their notes')
    .usage('FILE [options]')
    .argument('<file>', 'a QEMU or libvirt save file, a snapshot folder or the name of a snapshot', fileArgument)
    .action((file: FileArgument, options: CommonOptions) =>
      desk.answer(options, (workplace) =>
        withFile(workplace, file, async ({ lease }) => answer(await workplace.services.bookmarks.list(lease.name))),
      ),
    );
}

function answer(bookmarks: readonly Bookmark[]): Answer {
  const text = bookmarks.length === 0 ? 'No bookmarks.' : listed(bookmarks);
  return { json: { bookmarks: bookmarks.map(({ id: _id, ...told }) => told) }, text, good: true };
}

const listed = (bookmarks: readonly Bookmark[]): string =>
  table<Bookmark>(
    [
      { title: 'offset', value: ({ offset }) => hex(offset), align: 'right' },
      { title: 'bytes', value: ({ length }) => String(length), align: 'right' },
      { title: 'name', value: ({ name }) => name },
      { title: 'note', value: ({ note }) => note.replaceAll('\n', ' ') },
    ],
    bookmarks,
  );
