/** Bytes for those who look at them: see `GuestBytesApi`. */
import { byteCount, fileOffset, hex } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import { MOST_BYTES_READ, type BytesPart, type GuestBytesApi } from '@shared/contracts/guest-bytes';
import type { FileSource } from '../io/file-source';
import { withLease } from '../io/lease';
import { openSnapshot } from '../snapshot/open';
import { GuestFile, type GuestBlock } from './guest-file';
import { ramMapOf } from './ram-map';

const DOING = 'reading bytes';

export const guestBytesApi: GuestBytesApi = {
  ramMap: (lease, given) =>
    withLease(lease, async (source) =>
      ramMapOf((await openSnapshot(source, { streamOffset: lease.streamOffset })).stream, given),
    ),

  async guestBytes(lease, name, offset, length) {
    const file = await GuestFile.open(lease, DOING);
    try {
      const block = file.block(name, DOING);
      checkPlace(offset, block.length, lease.name, name);
      const end = Math.min(block.length, offset + bounded(length));
      return {
        parts: guestParts(file, block, offset, end),
        blockLength: block.length,
        pageSize: block.pageSize,
        pagesOffset: block.pagesOffset,
      };
    } finally {
      file.close();
    }
  },

  fileBytes: (lease, offset, length) =>
    withLease(lease, async (source) => {
      const size = await source.size();
      checkPlace(offset, size, lease.name, 'the file');
      return { parts: await fileParts(source, offset, Math.min(size, offset + bounded(length))), size };
    }),
};

const bounded = (length: number): number => Math.min(Math.max(0, length), MOST_BYTES_READ);

function checkPlace(offset: number, length: number, path: string, what: string): void {
  if (Number.isSafeInteger(offset) && offset >= 0 && offset < length) return;
  const todo = `Its ${length} bytes end at ${hex(length)}.`;
  throw fail('usage', DOING, `${hex(offset)} lies past the end of ${what}`, todo, { where: { path } });
}

/** Pages present, absent, or present without data under them, in turn. */
function guestParts(file: GuestFile, block: GuestBlock, offset: number, end: number): readonly BytesPart[] {
  const { pageSize, present } = block;
  const lastPage = Math.ceil(end / pageSize);
  const parts: BytesPart[] = [];
  for (let at = offset; at < end;) {
    const page = Math.floor(at / pageSize);
    const there = present.has(page);
    const stop = Math.min(end, present.next(page, lastPage, !there) * pageSize);
    if (there) parts.push(...presentParts(file, block, at, stop));
    else parts.push({ kind: 'absent', offset: at, length: stop - at, bytes: null });
    at = stop;
  }
  return parts;
}

/** What has a hole under it is told apart. */
function presentParts(file: GuestFile, block: GuestBlock, offset: number, end: number): readonly BytesPart[] {
  const parts: BytesPart[] = [];
  for (let at = offset; at < end;) {
    const { kind, length } = file.allocation(block, at, end - at);
    if (kind === 'hole') parts.push({ kind: 'lost', offset: at, length, bytes: null });
    else {
      const bytes = new Uint8Array(length);
      file.read(block, at, bytes);
      parts.push({ kind: 'present', offset: at, length, bytes });
    }
    at += length;
  }
  return parts;
}

async function fileParts(source: FileSource, offset: number, end: number): Promise<readonly BytesPart[]> {
  const parts: BytesPart[] = [];
  for (let at = offset; at < end;) {
    const extent = await source.extentAt(fileOffset(at));
    if (extent === null) break;
    const length = Math.min(end, extent.offset + extent.length) - at;
    const bytes = extent.kind === 'data' ? await source.read(fileOffset(at), byteCount(length)) : null;
    parts.push({ kind: extent.kind, offset: at, length, bytes });
    at += length;
  }
  return parts;
}
