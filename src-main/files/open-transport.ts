/** Opening a transport: its file goes to the registry and is lent from there, as an open file description of our own. */
import { constants, type BigIntStats } from 'node:fs';
import { open, readFile, stat, type FileHandle } from 'node:fs/promises';
import type { StillframeError } from '@shared/contracts/failure';
import { fail } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/lease';
import type { FileRegistry } from '../services';
import { openFailure } from './registry';
import { notSeekable, type Transport } from './transport';

export type Direction = 'save' | 'load';

export interface OpenedTransport {
  /** `streamOffset` says where the stream starts; for a load null when it was not given, so that it is looked for. */
  readonly lease: Lease;
  /** Whether a set of descriptors has one that goes past the page cache; null for anything but a set. */
  readonly directMember: boolean | null;
  release(): Promise<void>;
}

/** The descriptors of this process that are in a set; null when there is no such set. */
export type FdSets = (set: number) => readonly number[] | null;

const ACCESS: Readonly<Record<Direction, number>> = { save: constants.O_WRONLY, load: constants.O_RDONLY };
const ACCESS_WORDS: Readonly<Record<Direction, string>> = { save: 'O_WRONLY to save', load: 'O_RDONLY to load' };
const ACCESS_MASK = constants.O_RDONLY | constants.O_WRONLY | constants.O_RDWR;

/**
 * Opens a transport for a save or a load. A save to a path makes a new file, readable by its owner only; one to a descriptor
 * takes a file that ends where the stream is to start.
 *
 * @throws StillframeError `channel.not-seekable` for a pipe, a socket or a terminal, with the reason, before anything is
 *   written; `usage` for a descriptor or set that is not there or not as QEMU wants it; `file.exists` when a save would
 *   overwrite; other `file.*`
 */
export async function openTransport(
  files: FileRegistry,
  transport: Transport,
  direction: Direction,
  sets: FdSets = () => null,
): Promise<OpenedTransport> {
  const { streamOffset } = transport;
  switch (transport.kind) {
    case 'file': {
      const lent = await (direction === 'load'
        ? files.lendPath(transport.path, streamOffset)
        : files.lend(await createFile(transport.path), transport.path, streamOffset ?? 0));
      return { ...lent, directMember: null };
    }
    case 'fd': {
      const name = `fd:${String(transport.fd)}`;
      return { ...(await lendDescriptor(files, transport.fd, direction, name, null)), directMember: null };
    }
    case 'fdset': {
      const name = `/dev/fdset/${String(transport.set)}`;
      const members = sets(transport.set);
      if (members === null) throw usage(name, 'there is no such set of descriptors', 'Check its number.');
      const { buffered, hasDirect } = await checkSet(members, direction, name);
      return { ...(await lendDescriptor(files, buffered, direction, name, streamOffset)), directMember: hasDirect };
    }
  }
}

async function createFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx+', 0o600);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') throw wouldOverwrite(path);
    throw openFailure(path, cause);
  }
}

/** What stands in a file that was handed over is its owner's. */
const wouldOverwrite = (path: string): StillframeError =>
  fail('file.exists', 'opening the file to save to', 'there is something in it already', 'Save to a new file.', {
    where: { path },
  });

async function lendDescriptor(
  files: FileRegistry,
  fd: number,
  direction: Direction,
  name: string,
  streamOffset: number | null,
): Promise<{ readonly lease: Lease; release(): Promise<void> }> {
  const path = `/proc/self/fd/${String(fd)}`;
  const found = await statDescriptor(path, name);
  const kind = notAFile(found);
  if (kind !== null) throw notSeekable(name, `it is ${kind}`);
  const start = streamOffset ?? 0;
  if (direction === 'save' && found.isFile() && found.size > BigInt(start)) throw wouldOverwrite(name);
  const handle = await open(path, ACCESS[direction]).catch((cause: unknown) => {
    throw openFailure(name, cause);
  });
  return files.lend(handle, name, direction === 'save' ? start : streamOffset);
}

async function statDescriptor(path: string, name: string): Promise<BigIntStats> {
  try {
    return await stat(path, { bigint: true });
  } catch {
    throw usage(name, 'this descriptor is not open', 'Start Stillframe with it, as in: stillframe … 3<>FILE.');
  }
}

function notAFile(found: BigIntStats): string | null {
  if (found.isFile() || found.isBlockDevice()) return null;
  if (found.isFIFO()) return 'a pipe';
  if (found.isSocket()) return 'a socket';
  return found.isDirectory() ? 'a folder' : 'a character device';
}

/**
 * A set as QEMU wants it (`monitor_fdset_dup_fd_add`, and migration/file.c for direct-io): one descriptor, or two of the same
 * file of which exactly one goes past the page cache; exactly the access mode that is needed, O_RDWR is not.
 */
async function checkSet(
  members: readonly number[],
  direction: Direction,
  name: string,
): Promise<{ readonly buffered: number; readonly hasDirect: boolean }> {
  const facts = await Promise.all(members.map((fd) => describeDescriptor(fd, name)));
  const direct = facts.filter(({ flags }) => hasFlags(flags, constants.O_DIRECT));
  const buffered = facts.filter(({ flags }) => !hasFlags(flags, constants.O_DIRECT));
  const [only] = buffered;
  if (only === undefined || buffered.length > 1 || direct.length > 1) {
    const what = `it has ${String(buffered.length)} buffered and ${String(direct.length)} direct descriptors`;
    throw usage(name, what, 'Give it one without O_DIRECT and, for direct I/O, one with it.');
  }
  for (const { flags, dev, ino } of facts) {
    if ((flags & ACCESS_MASK) !== ACCESS[direction]) {
      throw usage(
        name,
        'a descriptor in it has another access mode',
        `Open it ${ACCESS_WORDS[direction]}, not O_RDWR.`,
      );
    }
    if (dev !== only.dev || ino !== only.ino) {
      throw usage(name, 'its descriptors are of two files', 'Open the same file twice.');
    }
  }
  return { buffered: only.fd, hasDirect: direct.length === 1 };
}

const hasFlags = (flags: number, wanted: number): boolean => (flags & wanted) === wanted;

/** Flags as the kernel tells them in /proc: octal, with O_LARGEFILE and the like. */
async function describeDescriptor(
  fd: number,
  name: string,
): Promise<{ readonly fd: number; readonly flags: number; readonly dev: bigint; readonly ino: bigint }> {
  const { dev, ino } = await statDescriptor(`/proc/self/fd/${String(fd)}`, name);
  const info = await readFile(`/proc/self/fdinfo/${String(fd)}`, 'utf8').catch(() => '');
  const flags = /^flags:\s*([0-7]+)$/m.exec(info)?.[1];
  if (flags === undefined) throw usage(name, 'a descriptor in it is not open', 'Give the set open descriptors.');
  return { fd, flags: parseInt(flags, 8), dev, ino };
}

const usage = (name: string, what: string, todo: string): StillframeError =>
  fail('usage', 'opening where to write or read', what, todo, { where: { path: name } });
