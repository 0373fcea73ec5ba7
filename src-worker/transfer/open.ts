/** Opening the ends of a transfer: files for bytes by position, pipes for bytes in order. */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { fail } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/lease';
import { fileFailure } from '../io/failures';
import { notSeekable } from '../io/seekable';

/** A lent file or pipe, open as a description of its own. `fd` is the holder's to close. */
export interface OpenEnd {
  readonly fd: number;
  readonly name: string;
  readonly kind: 'file' | 'pipe';
}

const FLAGS = {
  read: constants.O_RDONLY,
  write: constants.O_WRONLY,
} as const;

/**
 * Opens what main lends and makes sure that it is the very inode that was lent. Never waits: a pipe is non-blocking.
 *
 * Throws `file.changed` when another inode is there, `file.not-a-file` for what is neither a file, a block device nor a pipe,
 * other `file.*` when it cannot be opened.
 */
export function openEnd(lease: Lease, access: keyof typeof FLAGS): OpenEnd {
  const doing = `opening ${lease.name}`;
  const where = { path: lease.name };
  let fd: number;
  try {
    fd = openSync(lease.path, FLAGS[access] | constants.O_NONBLOCK);
  } catch (error) {
    throw fileFailure(error, doing, where);
  }
  try {
    const info = fstatSync(fd, { bigint: true });
    if (String(info.dev) !== lease.dev || String(info.ino) !== lease.ino) {
      throw fail('file.changed', doing, 'another file is there than the one that was opened', 'Open it again.', {
        where,
      });
    }
    if (info.isFIFO()) return { fd, name: lease.name, kind: 'pipe' };
    if (info.isFile() || info.isBlockDevice()) return { fd, name: lease.name, kind: 'file' };
    throw fail('file.not-a-file', doing, 'it is neither a file nor a pipe', 'Choose a file or a pipe.', { where });
  } catch (error) {
    closeSync(fd);
    throw fileFailure(error, doing, where);
  }
}

/** As `openEnd`, for a source that is read from its start more than once: `channel.not-seekable` for a pipe. */
export function openFile(lease: Lease): OpenEnd {
  const end = openEnd(lease, 'read');
  if (end.kind === 'file') return end;
  closeSync(end.fd);
  throw notSeekable(lease.name, 'it is a pipe');
}
