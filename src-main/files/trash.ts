import { lstat } from 'node:fs/promises';
import trash from 'trash';
import { fail } from '@shared/contracts/failure';

/**
 * Moves a file or folder to the user's trash (freedesktop.org's, as file managers show it). Done with files alone, so it
 * works without a desktop; Electron's own `shell.trashItem` asks `gio` and fails where that is missing.
 *
 * @throws StillframeError `file.io` when it cannot be moved, also when it is not there.
 */
export async function moveToTrash(path: string): Promise<void> {
  try {
    await lstat(path);
    await trash(path, { glob: false });
  } catch (cause) {
    throw fail('file.io', 'moving to the trash', 'it cannot be moved there', 'It is where it was; remove it by hand.', {
      where: { path },
      cause,
    });
  }
}
