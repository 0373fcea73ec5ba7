import { fileOffset } from '@shared/bytes/units';
import { extentFrom, type HoleSeeker } from './extent';
import { ExtentReader, type FileExtents } from './fiemap';
import { seekData, seekEnd, seekHole } from './libc';

/** Extents that are asked for at once: some tens of microseconds where they are in memory, some milliseconds from a disk. */
const MOST_EXTENTS = 1024;

/** Some runs of data, in order. */
export interface RunsSlice {
  /** First byte and the byte behind the last, in turn. Two of them may touch. */
  readonly runs: readonly number[];
  /** How far it was looked: what is in no run before it is a hole. */
  readonly end: number;
}

/**
 * Where a file has data, told as lseek(SEEK_DATA) tells it, hundreds of thousands of extents a second: by FIEMAP where the file
 * system has that, by lseek elsewhere. Data that waits in memory for its place on the disk is data; space that was taken and
 * never written is a hole.
 */
export class DataRuns {
  readonly #fd: number;
  readonly #seeker: HoleSeeker;
  readonly #reader: ExtentReader;
  readonly #most: number;
  #mapped: boolean | null = null;

  /** `most`: extents of one slice. */
  constructor(fd: number, most: number = MOST_EXTENTS) {
    this.#fd = fd;
    this.#reader = new ExtentReader(most);
    this.#seeker = { seekData: (at) => seekData(fd, at), seekHole: (at) => seekHole(fd, at), size: () => seekEnd(fd) };
    this.#most = most;
  }

  /** Whether the file system tells extents; null before the first slice. If not, it may know of no holes either. */
  get mapped(): boolean | null {
    return this.#mapped;
  }

  /** Looks on from `from`, at the longest to `to`, and at least one byte. Throws `file.io`. */
  next(from: number, to: number): RunsSlice {
    const stop = Math.min(to, seekEnd(this.#fd));
    if (from >= stop) return { runs: [], end: to };
    const found = this.#mapped === false ? null : this.#reader.read(this.#fd, from, stop);
    this.#mapped = found !== null;
    const slice = found === null ? this.#sought(from, stop, this.#most) : this.#mappedRuns(found, from, stop);
    return slice.end >= stop ? { runs: slice.runs, end: to } : slice;
  }

  #mappedRuns({ extents, last }: FileExtents, from: number, to: number): RunsSlice {
    const runs: number[] = [];
    let end = from;
    for (const extent of extents) {
      const start = Math.max(end, extent.start);
      end = Math.max(end, Math.min(to, extent.end));
      if (end <= start) continue;
      // What was written there and is still in memory alone is known to lseek only.
      if (extent.unwritten) runs.push(...this.#sought(start, end, Infinity).runs);
      else runs.push(start, end);
    }
    return { runs, end: last ? to : Math.max(end, from + 1) };
  }

  #sought(from: number, to: number, most: number): RunsSlice {
    const runs: number[] = [];
    let at = from;
    for (let count = 0; at < to && count < most; count++) {
      const extent = extentFrom(this.#seeker, fileOffset(at));
      const end = extent === null ? to : Math.min(to, extent.offset + extent.length);
      if (extent?.kind === 'data') runs.push(at, end);
      at = end;
    }
    return { runs, end: at };
  }
}
