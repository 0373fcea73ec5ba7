/**
 * Where a running VM's RAM can be reached from outside: RAMBlocks that are shared mappings of files.
 *
 * `info ramblock` tells where QEMU has a block, /proc/PID/maps (proc_pid_maps(5)) which file is mapped there and from which
 * offset, and /proc/PID/fd holds a descriptor of it, through which the very file is opened whatever became of its name. A VM
 * that grows or shrinks (balloon, virtio-mem) stays mapped all the same.
 */
import type { Stats } from 'node:fs';
import { constants } from 'node:fs';
import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { fail } from '@shared/contracts/failure';
import type { Qmp } from '../services';
import { linkOf, readProcFile } from './proc';
import { coverOf, parseMaps, type Mapping } from './proc-maps';
import { readRamBlocks, type HostBlock } from './ram-map';

/** A QEMU has 500 to 2000 mappings of about 100 bytes. */
const MAX_MAPS_BYTES = 16 * 1024 * 1024;
const MAX_FDS = 65_536;

/** A place in a file that the VM has mapped shared. */
export interface SharedMemory {
  /** Opens the very file: a descriptor of QEMU's (`/proc/PID/fd/N`), or the file's own path. */
  readonly openPath: string;
  /** Where the block begins in the file, in bytes. */
  readonly offset: number;
  /** What must be found there, as in a Lease. */
  readonly dev: string;
  readonly ino: string;
}

/** One RAMBlock and how to get at it without QEMU. */
export type BlockMemory =
  | { readonly name: string; readonly usedLength: number; readonly shared: SharedMemory; readonly why: null }
  | {
      readonly name: string;
      readonly usedLength: number;
      readonly shared: null;
      /** Why not, as the rest of a sentence about it: "is private memory of QEMU". */
      readonly why: string;
      /**
       * `private`: ordinary memory of QEMU's process. `copy`: a private mapping of a file, which may hold data that is not
       * resident. `unreachable`: shared, but in no file that can be opened; QEMU may leave it out of a stream with
       * `x-ignore-shared`, so that nobody would save it. `unknown`: where it is cannot be told.
       */
      readonly kind: 'private' | 'copy' | 'unreachable' | 'unknown';
    };

type Answer = BlockMemory extends infer T ? (T extends BlockMemory ? Omit<T, 'name' | 'usedLength'> : never) : never;

/**
 * Where each RAMBlock of a running VM is, in QEMU's order. `pid` null: the process is not visible, so nothing is known. Opens
 * each file once to see whether it can be read, and closes it.
 */
export async function readRamFiles(qmp: Qmp, pid: number | null): Promise<readonly BlockMemory[]> {
  const blocks = await readRamBlocks(qmp);
  const maps = pid === null ? null : await readMaps(pid);
  const files = new FilesOf(pid ?? 0);
  const found: BlockMemory[] = [];
  for (const block of blocks) {
    const { name } = block;
    const usedLength = Number(block.usedLength);
    const answer = maps === null ? unknown(NOT_VISIBLE) : await locate(block, maps, files);
    found.push({ name, usedLength, ...answer });
  }
  return found;
}

/**
 * Opens the file behind a shared block; `r+` to change the VM's memory. Rejects with `file.changed` when another file is
 * there by now: QEMU has ended, or let go of it.
 */
export async function openRamFile({ openPath, dev, ino }: SharedMemory, mode: 'r' | 'r+'): Promise<FileHandle> {
  const doing = "opening the VM's memory";
  const flags = mode === 'r' ? constants.O_RDONLY : constants.O_RDWR;
  const handle = await open(openPath, flags | constants.O_NONBLOCK).catch((cause: unknown) => {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    const gone = code === 'ENOENT';
    throw fail(
      gone ? 'file.changed' : 'file.no-access',
      doing,
      gone ? 'The file of its memory is gone' : `The file of its memory cannot be opened (${code})`,
      gone ? 'Look at the machine: its QEMU may have ended.' : 'Run Stillframe as the user who runs this QEMU.',
      { where: { path: openPath }, cause },
    );
  });
  const found = await handle.stat({ bigint: true });
  if (String(found.dev) === dev && String(found.ino) === ino) return handle;
  await handle.close();
  throw fail('file.changed', doing, 'Another file is there by now', 'Look at the machine: its QEMU may have ended.', {
    where: { path: openPath },
  });
}

const NOT_VISIBLE = 'cannot be looked at: QEMU runs as another user, or where its process is not visible';

const unknown = (why: string): Answer => ({ shared: null, why, kind: 'unknown' });
const unreachable = (why: string): Answer => ({ shared: null, why, kind: 'unreachable' });

async function readMaps(pid: number): Promise<readonly Mapping[] | null> {
  const text = await readProcFile(`/proc/${String(pid)}/maps`, MAX_MAPS_BYTES);
  return text === null || text.length === 0 ? null : parseMaps(text.toString('latin1'));
}

async function locate({ host, usedLength }: HostBlock, maps: readonly Mapping[], files: FilesOf): Promise<Answer> {
  if (host === null) return unknown('has no address that QEMU would tell');
  const cover = coverOf(maps, host, usedLength);
  if (cover === null) return unknown('is not mapped as one piece');
  const { mapping, offset } = cover;
  if (!mapping.shared)
    return mapping.ino === 0n
      ? { shared: null, why: 'is private memory of QEMU', kind: 'private' }
      : { shared: null, why: 'is a private copy of a file (share=off)', kind: 'copy' };
  const file = await files.find(mapping);
  if (file === null) return unreachable('is shared memory without a file that could be opened');
  if (typeof file === 'string') return unreachable(file);
  const end = offset + usedLength;
  if (end > BigInt(file.size)) return unreachable('is longer than its file');
  const { path: openPath, dev, ino } = file;
  return { shared: { openPath, offset: Number(offset), dev, ino }, why: null };
}

interface OpenableFile {
  readonly path: string;
  readonly size: number;
  readonly dev: string;
  readonly ino: string;
}

/** Finds files of one process by device and inode, each once. */
class FilesOf {
  readonly #known = new Map<string, Promise<OpenableFile | string | null>>();
  #links: Promise<readonly { readonly path: string; readonly target: string }[]> | null = null;

  constructor(private readonly pid: number) {}

  /** A file that can be read; why not, as the rest of a sentence; null when there is no way to it. */
  find(mapping: Mapping): Promise<OpenableFile | string | null> {
    const key = `${String(mapping.dev)} ${String(mapping.ino)}`;
    const found = this.#known.get(key) ?? this.#look(mapping);
    this.#known.set(key, found);
    return found;
  }

  async #look(mapping: Mapping): Promise<OpenableFile | string | null> {
    // The kernel writes the name alike in both places, but for line ends in it.
    const links = (await this.#allLinks()).filter(({ target }) => target.replaceAll('\n', '\\012') === mapping.path);
    for (const path of [...links.map((link) => link.path), mapping.path]) {
      if (!path.startsWith('/')) continue;
      const found = await stat(path, { bigint: true }).catch(() => null);
      if (found === null || found.dev !== mapping.dev || found.ino !== mapping.ino) continue;
      if (!found.isFile()) return 'is mapped from a device, which is no file to read';
      const why = await whyUnreadable(path);
      if (why !== null) return `is in a file that cannot be opened (${why})`;
      return { path, size: Number(found.size), dev: String(found.dev), ino: String(found.ino) };
    }
    return null;
  }

  #allLinks(): Promise<readonly { readonly path: string; readonly target: string }[]> {
    this.#links ??= this.#readLinks();
    return this.#links;
  }

  async #readLinks(): Promise<readonly { readonly path: string; readonly target: string }[]> {
    const names = await readdir(`/proc/${String(this.pid)}/fd`).catch(() => []);
    const links: { path: string; target: string }[] = [];
    for (const name of names.slice(0, MAX_FDS)) {
      const target = await linkOf(this.pid, `fd/${name}`);
      if (target !== null) links.push({ path: `/proc/${String(this.pid)}/fd/${name}`, target });
    }
    return links;
  }
}

async function whyUnreadable(path: string): Promise<string | null> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    await handle.close();
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/**
 * Bytes that the file system holds for the shared files among these blocks, holes left out, each file once and no more of it
 * than its blocks are long. null when that is not to be known: the file is gone by now, or it is of huge pages, whose count
 * of blocks says nothing.
 */
export async function allocatedBytes(blocks: readonly BlockMemory[]): Promise<number | null> {
  const lengths = new Map<string, { readonly path: string; readonly length: number }>();
  for (const { shared, usedLength } of blocks) {
    if (shared === null) continue;
    const key = `${shared.dev} ${shared.ino}`;
    lengths.set(key, { path: shared.openPath, length: (lengths.get(key)?.length ?? 0) + usedLength });
  }
  let sum = 0;
  for (const { path, length } of lengths.values()) {
    const found: Stats | null = await stat(path).catch(() => null);
    if (found === null || found.blksize > MAX_ORDINARY_PAGE) return null;
    sum += Math.min(length, found.blocks * 512);
  }
  return sum;
}

/** hugetlbfs gives the size of a huge page as its block size. */
const MAX_ORDINARY_PAGE = 64 * 1024;
