/** Which programs may be run only to ask them something, before anybody agreed to run them. */
import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';

const QEMU_PROGRAM = /^(qemu-system-[\w-]+|qemu-kvm)$/;

/** Whether a program's name is that of a QEMU system emulator. */
export const isQemuName = (program: string): boolean => QEMU_PROGRAM.test(basename(program));

/**
 * The file behind a QEMU's path when only root or this user can have written it; null for everything else: another name,
 * another owner, writable by group or others, no regular file, not there.
 */
export async function trustedQemu(path: string): Promise<Stats | null> {
  const file = await stat(path).catch(() => null);
  const ownWriters =
    file !== null && file.isFile() && (file.uid === 0 || file.uid === process.getuid?.()) && (file.mode & 0o022) === 0;
  return ownWriters && isQemuName(path) ? file : null;
}
