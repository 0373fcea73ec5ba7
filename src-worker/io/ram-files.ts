/** Steps on whole files of guest RAM and mapped-ram files: see `RamFilesApi`. */
import { setImmediate as breathe } from 'node:timers/promises';
import { byteCount, fileOffset } from '@shared/bytes/units';
import type { Lease } from '@shared/contracts/lease';
import type { RamFilesApi, Stretches } from '@shared/contracts/ram-files';
import { openFileChannel, type FileChannelOptions } from './file-channel';
import type { SeekableChannel } from './seekable';

/** Work on many stretches lets other calls in after this long. */
const AT_A_TIME_MS = 50;

/** The steps that need nothing but the file itself. */
export const ramFiles: Omit<RamFilesApi, 'readBitmap'> = {
  dataIn: (lease, offset, length, most) =>
    withChannel(lease, 'read', async (file) => dataIn(file, offset, length, most)),

  allocate: (lease, size, stretches) =>
    withChannel(lease, 'write', async (file) => {
      file.resize(byteCount(size));
      return everyStretch(stretches, (start, end) => file.allocate(fileOffset(start), byteCount(end - start)));
    }),

  punch: (lease, stretches) =>
    withChannel(lease, 'write', async (file) => {
      await everyStretch(stretches, (start, end) => {
        file.punch(fileOffset(start), byteCount(end - start));
        return true;
      });
    }),

  zero: (lease, stretches) =>
    withChannel(lease, 'write', async (file) => {
      await everyStretch(stretches, (start, end) => {
        file.zero(fileOffset(start), byteCount(end - start));
        return true;
      });
    }),
};

async function withChannel<T>(
  lease: Lease,
  access: FileChannelOptions['access'],
  use: (file: SeekableChannel) => Promise<T>,
): Promise<T> {
  const file = openFileChannel(lease, { access, direct: false });
  try {
    return await use(file);
  } finally {
    file.close();
  }
}

function dataIn(
  file: SeekableChannel,
  offset: number,
  length: number,
  most: number,
): { readonly data: Stretches; readonly next: number | null } {
  const end = offset + length;
  const data: number[] = [];
  for (let at = offset; at < end;) {
    if (data.length >= most * 2) return { data, next: at };
    const extent = file.extentAt(fileOffset(at));
    if (extent === null) break;
    const behind = Math.min(end, extent.offset + extent.length);
    if (extent.kind === 'data') data.push(at, behind);
    at = behind;
  }
  return { data, next: null };
}

/** Calls `visit(start, end)` for each stretch until it answers false; that is then the answer. */
async function everyStretch(stretches: Stretches, visit: (start: number, end: number) => boolean): Promise<boolean> {
  let last = performance.now();
  for (let at = 0; at + 1 < stretches.length; at += 2) {
    if (!visit(stretches[at] ?? 0, stretches[at + 1] ?? 0)) return false;
    if (performance.now() - last < AT_A_TIME_MS) continue;
    await breathe();
    last = performance.now();
  }
  return true;
}
