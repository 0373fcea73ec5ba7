/** The extents that a file system has for a file, many in one call: FS_IOC_FIEMAP (linux/fiemap.h). */
import { fiemapIoctl } from './libc';

/** struct fiemap, and each struct fiemap_extent behind it. */
const HEAD_BYTES = 32;
const EXTENT_BYTES = 56;
const FLAG_LAST = 0x1;
const FLAG_UNWRITTEN = 0x800;

export interface FileExtent {
  readonly start: number;
  readonly end: number;
  /** Space was taken for it, but nothing is written there on the disk; what was written lately may still be in memory. */
  readonly unwritten: boolean;
}

export interface FileExtents {
  /** In the order of the file; they may begin before what was asked for, and end behind it. */
  readonly extents: readonly FileExtent[];
  /** Whether there are none behind them. */
  readonly last: boolean;
}

/** Asks about files, one answer at a time, through one buffer. */
export class ExtentReader {
  readonly #most: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  /** `most`: extents of one answer. */
  constructor(most: number) {
    this.#most = most;
    this.#bytes = new Uint8Array(HEAD_BYTES + most * EXTENT_BYTES);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** The first extents from `from` to before `to`; null where the file system does not tell. */
  read(fd: number, from: number, to: number): FileExtents | null {
    const view = this.#view;
    this.#bytes.fill(0, 0, HEAD_BYTES);
    view.setBigUint64(0, BigInt(from), true);
    view.setBigUint64(8, BigInt(to - from), true);
    view.setUint32(24, this.#most, true);
    if (!fiemapIoctl(fd, this.#bytes)) return null;
    const count = Math.min(this.#most, view.getUint32(20, true));
    const extents: FileExtent[] = [];
    let last = count < this.#most;
    for (let at = HEAD_BYTES; at < HEAD_BYTES + count * EXTENT_BYTES; at += EXTENT_BYTES) {
      const start = Number(view.getBigUint64(at, true));
      const flags = view.getUint32(at + 40, true);
      const end = start + Number(view.getBigUint64(at + 16, true));
      extents.push({ start, end, unwritten: (flags & FLAG_UNWRITTEN) !== 0 });
      last ||= (flags & FLAG_LAST) !== 0;
    }
    return { extents, last };
  }
}
