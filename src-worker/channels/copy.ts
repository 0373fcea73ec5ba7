/** Copying one extent, either way, through the channel's buffer. */
import { byteCount, fileOffset, type FileOffset } from '@shared/bytes/units';
import { DIGEST_BYTES, type CopyExtent, type SavedExtent } from '@shared/contracts/channels';
import type { IoBuffer } from '../io/io-buffer';
import type { SeekableChannel } from '../io/seekable';
import { DIGEST_LENGTH } from '../pages/kernels';
import { bytesFor, eachGroup, eachRun } from './bits';

/** What a channel copies between, and how. */
export interface Copier {
  /** The files that hold guest RAM. */
  readonly ram: readonly SeekableChannel[];
  /** The mapped-ram file. */
  readonly file: SeekableChannel;
  readonly buffer: IoBuffer;
  /** Bytes of a target page. */
  readonly pageSize: number;
  readonly digests: boolean;
  /** Start writing back what was written, a few MiB at a time. */
  readonly writeBack: boolean;
}

/** Pages and bytes that were written. */
export interface Copied {
  pages: number;
  bytes: number;
}

/** Bytes read at a time: as much as stays in a CPU's cache until it was looked at. Whole bytes of bits for every page size. */
const CHUNK = DIGEST_BYTES;
/** Bytes written at a time where all is data: then the disk counts, and it likes long requests. */
const DENSE_CHUNK = 4 * CHUNK;
/** The buffer that copying needs. */
export const BUFFER_BYTES = DENSE_CHUNK;
/**
 * Pages this close together are read in one go, those between them with them. At least 8 pages, so that stretches of whole
 * bytes of bits around them do not meet.
 */
const readGap = (pageSize: number): number => Math.max(8, (64 * 1024) / pageSize);
/**
 * Runs shorter than this are left to the page cache, also where the rest goes past it. A direct write of one page takes
 * 50 µs, and of every second page of 512 MiB 4.5 s; through the page cache and flushed it was 0.9 s, for half the CPU. Writing
 * the zeros between the runs along with them took 0.25 s, but those pages take room, and making holes of them again takes
 * 60–100 µs each.
 */
const SHORT_RUN = 64 * 1024;
/** Writing back is started each time this much of an extent was dealt with. */
const WRITE_BACK = 8 * 1024 * 1024;
/** Runs of at least this much are worth a call that makes room for them. */
const LONG_RUN = 256 * 1024;

/**
 * RAM to file: the pages that are not zero, at their places, and not one byte more. With a mask no page outside it is
 * looked at.
 */
export function saveExtent(copier: Copier, extent: CopyExtent, copied: Copied): SavedExtent {
  const { pageSize, file } = copier;
  const pages = extent.length / pageSize;
  const result = {
    present: new Uint8Array(bytesFor(pages)),
    digests: new Uint8Array(digestsOf(copier, extent) * DIGEST_LENGTH),
  };
  let started = { page: 0, bytes: copied.bytes };
  let chunk = CHUNK;
  for (let at = 0; at < pages;) {
    const end = Math.min(pages, at + chunk / pageSize);
    const before = copied.pages;
    if (extent.mask === undefined) saveSpan(copier, extent, at, end, result, copied);
    else
      eachGroup(extent.mask, at, end, readGap(pageSize), (first, stop) =>
        // Bits go by whole bytes.
        saveSpan(copier, extent, first - (first % 8), stop, result, copied),
      );
    chunk = copied.pages - before === end - at ? DENSE_CHUNK : CHUNK;
    at = end;
    const behind = (at - started.page) * pageSize;
    if (!copier.writeBack || (behind < WRITE_BACK && at < pages)) continue;
    const from = fileOffset(extent.fileOffset + started.page * pageSize);
    if (copied.bytes > started.bytes) file.startWriteBack(from, byteCount(behind));
    started = { page: at, bytes: copied.bytes };
  }
  return result;
}

/** Digests that a save takes of an extent. */
function digestsOf({ digests }: Copier, { length, mask }: CopyExtent): number {
  return digests && mask === undefined ? Math.ceil(length / DIGEST_BYTES) : 0;
}

/** Pages `first` to before `end` of an extent, at most a buffer full; `first` is a multiple of 8. */
function saveSpan(
  copier: Copier,
  extent: CopyExtent,
  first: number,
  end: number,
  result: Pick<SavedExtent, 'present' | 'digests'>,
  copied: Copied,
): void {
  const { buffer, pageSize } = copier;
  // Piece by piece: what was read is looked at while it is in the cache.
  for (let at = first; at < end; at += CHUNK / pageSize) {
    const pages = Math.min(CHUNK / pageSize, end - at);
    takeIn(copier, extent, { first: at, pages, at: (at - first) * pageSize }, result);
  }
  eachRun(result.present, first, end, (from, to) => {
    const run = buffer.bytes.subarray((from - first) * pageSize, (to - first) * pageSize);
    writeRun(copier.file, run, fileOffset(extent.fileOffset + from * pageSize));
    copied.pages += to - from;
    copied.bytes += run.length;
  });
}

/** Pages of an extent and where they go in the buffer, in bytes. At most CHUNK. */
interface Piece {
  readonly first: number;
  readonly pages: number;
  readonly at: number;
}

/** Reads a piece, notes which of its pages are present, and takes its digest. */
function takeIn(
  copier: Copier,
  extent: CopyExtent,
  { first, pages, at }: Piece,
  { present, digests }: Pick<SavedExtent, 'present' | 'digests'>,
): void {
  const { buffer, pageSize } = copier;
  const start = first * pageSize;
  const length = pages * pageSize;
  ramOf(copier, extent).readv([buffer.bytes.subarray(at, at + length)], fileOffset(extent.ramOffset + start));
  const { mask } = extent;
  let any = 0;
  buffer.pagesWithData(at, pageSize, pages).forEach((bits, index) => {
    const place = first / 8 + index;
    const wanted = mask === undefined ? bits : bits & (mask[place] ?? 0);
    present[place] = (present[place] ?? 0) | wanted;
    any |= wanted;
  });
  if (digests.length === 0) return;
  const place = (start / DIGEST_BYTES) * DIGEST_LENGTH;
  if (any === 0 && length === DIGEST_BYTES) digests.set(buffer.digestOfZeros, place);
  else buffer.digest(at, length, digests.subarray(place, place + DIGEST_LENGTH));
}

function writeRun(file: SeekableChannel, run: Uint8Array, offset: FileOffset): void {
  if (file.direct && run.length < SHORT_RUN) {
    file.writevCached([run], offset);
    return;
  }
  if (file.prefersAllocated && run.length >= LONG_RUN) file.allocate(offset, byteCount(run.length));
  file.writev([run], offset);
}

/** File to RAM: the pages of the mask, and no other byte of the RAM. */
export function loadExtent(copier: Copier, extent: CopyExtent & { readonly mask: Uint8Array }, copied: Copied): void {
  const { pageSize, file, buffer } = copier;
  const ram = ramOf(copier, extent);
  const pages = extent.length / pageSize;
  const chunk = (file.direct ? DENSE_CHUNK : CHUNK) / pageSize;
  for (let at = 0; at < pages; at += chunk) {
    const end = Math.min(pages, at + chunk);
    eachGroup(extent.mask, at, end, readGap(pageSize), (first, stop) => {
      const bytes = buffer.bytes.subarray(0, (stop - first) * pageSize);
      file.readv([bytes], fileOffset(extent.fileOffset + first * pageSize));
      eachRun(extent.mask, first, stop, (from, to) => {
        ram.writev(
          [bytes.subarray((from - first) * pageSize, (to - first) * pageSize)],
          fileOffset(extent.ramOffset + from * pageSize),
        );
        copied.pages += to - from;
        copied.bytes += (to - from) * pageSize;
      });
    });
  }
}

function ramOf({ ram }: Copier, extent: CopyExtent): SeekableChannel {
  const found = ram[extent.ram];
  if (found === undefined) throw new RangeError(`RAM file ${extent.ram} of ${ram.length}`);
  return found;
}
