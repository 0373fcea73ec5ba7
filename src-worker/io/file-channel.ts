/** A seekable channel over a file that main lends, with O_DIRECT where it is asked for and possible. */
import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  readvSync,
  statSync,
  statfsSync,
  writeSync,
  writevSync,
} from 'node:fs';
import { promisify } from 'node:util';
import type { Lease } from '@shared/contracts/lease';
import { fail, StillframeError } from '@shared/contracts/failure';
import { fileFailure } from './failures';
import { addressOf, allocateRange, punchRange, seekData, seekEnd, seekHole, startWriteBack } from './libc';
import { codeOf, notSeekable, openSeekable, type PositionalIo, type SeekableChannel } from './seekable';

/** What O_DIRECT wants offset, length and memory to be multiples of; the logical blocks of all disks divide it. */
export const DIRECT_ALIGNMENT = 4096;

/** Types of file systems, as statfs tells them. */
const TMPFS = 0x01021994;
const EXT4 = 0xef53;

export interface FileChannelOptions {
  readonly access: 'read' | 'write' | 'both';
  /** Past the page cache; where the file system refuses that, the channel goes through it and says so by `direct`. */
  readonly direct: boolean;
}

const ACCESS = { read: constants.O_RDONLY, write: constants.O_WRONLY, both: constants.O_RDWR } as const;

/**
 * Opens a lent file as a channel of its own: twice when `direct`, since the edges of a transfer that are no whole blocks go
 * through the page cache.
 *
 * @throws StillframeError `channel.not-seekable` for pipes, sockets and terminals, before anything is read or written;
 *   `file.changed` when it is not the inode that was lent; other `file.*` when it cannot be opened
 */
export const openFileChannel = (lease: Lease, options: FileChannelOptions): SeekableChannel =>
  openSeekable(openFileIo(lease, options));

/** The calls under `openFileChannel`; throws as it does. */
export function openFileIo(lease: Lease, { access, direct }: FileChannelOptions): PositionalIo {
  // Asked before it is opened: opening a socket fails, and opening a pipe may wait or wake its other end.
  const regular = isRegular(lease);
  const buffered = openSame(lease, ACCESS[access] | constants.O_NONBLOCK);
  try {
    const type = regular ? statfsSync(lease.path).type : null;
    // tmpfs takes O_DIRECT and copies all the same: there is nothing but memory behind it.
    const aside = direct && type !== TMPFS ? openDirect(lease, ACCESS[access]) : null;
    return new FileIo(lease.name, buffered, aside, aside !== null && type === EXT4);
  } catch (error) {
    closeSync(buffered);
    throw fileFailure(error, `opening ${lease.name}`, { path: lease.name });
  }
}

/** A regular file, or else a block device; everything else is refused. */
function isRegular(lease: Lease): boolean {
  const stat = guarded(lease, () => statSync(lease.path));
  if (stat.isFile() || stat.isBlockDevice()) return stat.isFile();
  if (stat.isDirectory()) {
    const where = { path: lease.name };
    throw fail('file.not-a-file', `opening ${lease.name}`, 'it is a folder', 'Choose a file.', { where });
  }
  const kind = stat.isFIFO() ? 'a pipe' : stat.isSocket() ? 'a socket' : 'a character device';
  throw notSeekable(lease.name, `it is ${kind}`);
}

/** null where the file system has no O_DIRECT. */
function openDirect(lease: Lease, flags: number): number | null {
  try {
    return openSame(lease, flags | constants.O_DIRECT);
  } catch (error) {
    if (error instanceof StillframeError && codeOf(error.cause) === 'EINVAL') return null;
    throw error;
  }
}

/** Opens the inode that was lent, and no other that may have come to its place. */
function openSame(lease: Lease, flags: number): number {
  const fd = guarded(lease, () => openSync(lease.path, flags));
  const { dev, ino } = fstatSync(fd, { bigint: true });
  if (String(dev) === lease.dev && String(ino) === lease.ino) return fd;
  closeSync(fd);
  throw fail(
    'file.changed',
    `opening ${lease.name}`,
    'another file is there than the one that was opened',
    'Open it again.',
    { where: { path: lease.name } },
  );
}

function guarded<T>(lease: Lease, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fileFailure(error, `opening ${lease.name}`, { path: lease.name });
  }
}

class FileIo implements PositionalIo {
  readonly name: string;
  readonly prefersAllocated: boolean;
  readonly #buffered: number;
  readonly #direct: number | null;

  constructor(name: string, buffered: number, direct: number | null, prefersAllocated: boolean) {
    this.name = name;
    this.prefersAllocated = prefersAllocated;
    this.#buffered = buffered;
    this.#direct = direct;
  }

  get direct(): boolean {
    return this.#direct !== null;
  }

  get notSeekable(): string | null {
    try {
      seekEnd(this.#buffered);
      return null;
    } catch {
      return 'it cannot be sought in';
    }
  }

  readv(views: readonly Uint8Array[], offset: number): number {
    const { fd, part } = this.#route(views, offset);
    const [only, ...more] = part;
    if (only !== undefined && more.length === 0) return readSync(fd, only, 0, only.length, offset);
    return readvSync(fd, part, offset);
  }

  writev(views: readonly Uint8Array[], offset: number, cached: boolean): number {
    const { fd, part } = cached ? { fd: this.#buffered, part: views } : this.#route(views, offset);
    const [only, ...more] = part;
    if (only !== undefined && more.length === 0) return writeSync(fd, only, 0, only.length, offset);
    return writevSync(fd, part, offset);
  }

  /** As much of a transfer as can go through one descriptor: whole blocks directly, the edges before and behind buffered. */
  #route(views: readonly Uint8Array[], offset: number): { readonly fd: number; readonly part: readonly Uint8Array[] } {
    const [first] = views;
    if (this.#direct === null || first === undefined) return { fd: this.#buffered, part: views };
    const head = (DIRECT_ALIGNMENT - (offset % DIRECT_ALIGNMENT)) % DIRECT_ALIGNMENT;
    if (!standsAligned(first, head)) return { fd: this.#buffered, part: [first] };
    if (head > 0) return { fd: this.#buffered, part: [first.subarray(0, head)] };
    const part: Uint8Array[] = [];
    for (const view of views) {
      if (!standsAligned(view, 0)) break;
      const whole = view.length - (view.length % DIRECT_ALIGNMENT);
      if (whole > 0) part.push(whole === view.length ? view : view.subarray(0, whole));
      if (whole < view.length) break;
    }
    return part.length === 0 ? { fd: this.#buffered, part: [first] } : { fd: this.#direct, part };
  }

  size(): number {
    return seekEnd(this.#buffered);
  }

  resize(size: number): void {
    ftruncateSync(this.#buffered, size);
  }

  seekData(offset: number): number | null {
    return seekData(this.#buffered, offset);
  }

  seekHole(offset: number): number | null {
    return seekHole(this.#buffered, offset);
  }

  allocate(offset: number, length: number): boolean {
    return allocateRange(this.#buffered, offset, length);
  }

  punch(offset: number, length: number): boolean {
    return punchRange(this.#buffered, offset, length);
  }

  startWriteBack(offset: number, length: number): void {
    startWriteBack(this.#buffered, offset, length);
  }

  flush(): Promise<void> {
    return promisify(fdatasync)(this.#buffered);
  }

  close(): void {
    closeSync(this.#buffered);
    if (this.#direct !== null) closeSync(this.#direct);
  }
}

/** Where each memory's first byte stands, as far as blocks go: asked of the operating system once. */
const places = new WeakMap<ArrayBufferLike, number>();

/** Whether byte `at` of the view stands at a multiple of a block in memory. */
function standsAligned(view: Uint8Array, at: number): boolean {
  let place = places.get(view.buffer);
  if (place === undefined) {
    place = Number((addressOf(view) - BigInt(view.byteOffset)) % BigInt(DIRECT_ALIGNMENT));
    places.set(view.buffer, place);
  }
  return (place + view.byteOffset + at) % DIRECT_ALIGNMENT === 0;
}
