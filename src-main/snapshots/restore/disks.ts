/** Are the disks there, and as they were when the VM was saved? */
import { basename } from 'node:path';
import type { DiskIdentity, Finding } from '@shared/contracts/library';
import { differences, identify, tellsWrites } from '../disk-identity';
import { within } from '../../time/time-limit';
import { askFirst, note, ok, stop } from './findings';

const DISK_LIMIT_MS = 5000;

/** A finding for each disk; its key is the disk's path. */
export const checkDisks = (disks: readonly DiskIdentity[]): Promise<readonly Finding[]> =>
  Promise.all(disks.map(checkDisk));

async function checkDisk(then: DiskIdentity): Promise<Finding> {
  const now = await within(
    DISK_LIMIT_MS,
    identify(then).catch((error: unknown) => (error as NodeJS.ErrnoException).code ?? 'unknown'),
    'it did not answer within 5 s',
  );
  const name = basename(then.path);
  if (now === 'ENOENT' || now === 'ENOTDIR')
    return stop('disk-missing', `${name} is missing: put it back at ${then.path}.`, then.path);
  if (typeof now === 'string') return stop('disk-missing', `${then.path} cannot be read: ${now}.`, then.path);
  const changed = differences(then, now);
  if (changed.length === 0 && !tellsWrites(now))
    return note(
      'disk',
      `${then.path} is a block device${sameHeader(now)}: whether it was written since cannot be told.`,
      then.path,
    );
  if (changed.length === 0) return ok('disk', `${name} is as it was at the save.`, then.path);
  return askFirst(
    'disk-written',
    `${name} was written after this save: ${changed.join(', ')}. Its memory and this disk no longer agree.`,
    'Restore anyway, the guest may lose file data',
    then.path,
  );
}

const sameHeader = ({ headerSha256 }: DiskIdentity): string =>
  headerSha256 === null ? '' : ' whose first 64 KiB are as they were';
