/** The library: a folder of snapshot folders, and references to bare files. The folder is the truth; nothing is cached. */
import { watch, type FSWatcher } from 'node:fs';
import { mkdir, readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fail } from '@shared/contracts/failure';
import type { InspectReport } from '@shared/contracts/inspect';
import type { LibraryOverview, SnapshotEntry, SnapshotId } from '@shared/contracts/library';
import { writeAside } from '../../files/write-aside';
import { renameNoReplace } from '../../qemu/libc';
import type { FileRegistry, Host, LibraryService, WorkerPool } from '../../services';
import { syncPath } from '../durable';
import { MANIFEST_FILE, manifestText, SCREEN_FILE } from '../manifest';
import { checkName, nextFree } from '../names';
import { exists, freeBytes } from '../paths';
import { isUnfinished, readFolder, readUnfinished } from './folder-entry';
import { damagedList, importEntry, Imports } from './imports';
import { inspectOnce } from './inspect-once';
import { fileReferenceText, findFileReference, snapshotFolderAt } from './reference';

const MAX_NOTE = 10_000;
const BATCH = 64;
/** A save writes several names in a row; one answer for all of them is enough. */
const WATCH_DELAY_MS = 100;

export interface LibraryRooms {
  readonly files: FileRegistry;
  readonly workers: WorkerPool;
  readonly host: Pick<Host, 'trash' | 'reveal'>;
  /** Unfinished folders of this process's running saves: not interrupted. */
  readonly liveFolders: ReadonlySet<string>;
}

export class Library implements LibraryService {
  readonly #imports: Imports;
  readonly #listeners = new Set<() => void>();
  /** For `screenPath`, which must answer at once: the pictures as of the last reading. */
  readonly #screens = new Map<SnapshotId, string>();
  #watcher: FSWatcher | null = null;
  #watchTimer: NodeJS.Timeout | null = null;

  private constructor(
    private readonly folder: string,
    private readonly rooms: LibraryRooms,
  ) {
    this.#imports = new Imports(folder);
  }

  /** Makes the folder if there is none and follows what happens in it. */
  static async open(folder: string, rooms: LibraryRooms): Promise<Library> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const library = new Library(folder, rooms);
    library.#watch();
    return library;
  }

  async overview(): Promise<LibraryOverview> {
    const [names, imported, free] = await Promise.all([
      readdir(this.folder, { withFileTypes: true }),
      this.#imports.list().then(
        (references) => Promise.all(references.map((reference) => importEntry(reference))),
        (error: unknown) => [damagedList(this.#imports.path, error)],
      ),
      freeBytes(this.folder),
    ]);
    const folders = names.filter((entry) => entry.isDirectory()).map(({ name }) => join(this.folder, name));
    const entries = await inBatches(folders, (folder) => this.#readEntry(folder));
    const found = [...entries, ...imported].filter((entry) => entry !== null).sort(newestFirst);
    for (const entry of found) this.#remember(entry);
    return { folder: this.folder, freeBytes: free, entries: found };
  }

  /** null for a folder that is not shown: a running save's, or one that vanished meanwhile. Other hidden folders are none of ours. */
  async #readEntry(folder: string): Promise<SnapshotEntry | null> {
    const hidden = basename(folder).startsWith('.');
    if (hidden && !isUnfinished(folder)) return null;
    return (hidden ? readUnfinished(folder, this.rooms.liveFolders) : readFolder(folder)).catch(() => null);
  }

  async get(id: SnapshotId): Promise<SnapshotEntry> {
    const { entries } = await this.overview();
    const entry = entries.find((one) => one.id === id);
    if (entry !== undefined) return entry;
    throw fail(
      'library.unknown',
      'looking in the library',
      'This snapshot is not in the library any more',
      'Look at the list again.',
    );
  }

  async resolve(reference: string): Promise<SnapshotEntry> {
    const { entries } = await this.overview();
    const name = reference.normalize('NFC');
    const known = entries.find((one) => one.id === reference) ?? entries.find((one) => one.name === name);
    if (known !== undefined) return known;
    const { path, streamOffset } = await findFileReference(reference);
    const folder = await snapshotFolderAt(path);
    if (folder !== null) {
      const entry = await (isUnfinished(folder) ? readUnfinished(folder, this.rooms.liveFolders) : readFolder(folder));
      if (entry !== null) return { ...this.#remember(entry), streamOffset: streamOffset ?? entry.streamOffset };
    }
    if (folder === null && (await exists(path))) return this.#bareFile(path, streamOffset);
    throw fail(
      'library.unknown',
      'looking for the snapshot',
      `There is no snapshot called ${reference} in the library, and no such folder or file`,
      'List the library to see the names.',
      { where: { path: this.folder } },
    );
  }

  /** A file that is not in the library, as an entry for the moment. */
  async #bareFile(path: string, streamOffset: number | null): Promise<SnapshotEntry> {
    const about = { path, streamOffset, name: basename(path), note: '', machineType: null, ramBytes: null };
    return importEntry({ ...about, id: `file:${fileReferenceText(about)}`, addedAt: new Date().toISOString() });
  }

  async rename(id: SnapshotId, wanted: string): Promise<SnapshotEntry> {
    const name = checkName(wanted);
    const entry = await this.get(id);
    if (name === entry.name) return entry;
    const { entries } = await this.overview();
    if (entries.some((one) => one.id !== id && one.name === name)) throw this.#taken(name);
    if (isImport(id)) await this.#imports.update(id, { name });
    else await this.#renameFolder(entry, name);
    return this.#changed(id);
  }

  /** The folder's name is the snapshot's; the manifest follows, so that a crash in between leaves nothing wrong. */
  async #renameFolder(entry: SnapshotEntry, name: string): Promise<void> {
    refuseUnfinished(entry, 'renamed');
    const target = join(dirname(entry.folder), name);
    await renameNoReplace(entry.folder, target).catch(async (cause: unknown) => {
      if (await exists(target)) throw this.#taken(name);
      throw fail('file.io', 'renaming the snapshot', 'The folder cannot be renamed', 'Look at its permissions.', {
        where: { path: entry.folder },
        cause,
      });
    });
    await syncPath(this.folder);
    if (entry.manifest !== null) await this.#writeManifest({ ...entry, folder: target }, { ...entry.manifest, name });
  }

  async setNote(id: SnapshotId, note: string): Promise<SnapshotEntry> {
    if (note.length > MAX_NOTE)
      throw fail('usage', 'changing the note', `The note is longer than ${String(MAX_NOTE)} characters`, 'Shorten it.');
    const entry = await this.get(id);
    if (isImport(id)) await this.#imports.update(id, { note });
    else {
      refuseUnfinished(entry, 'given a note');
      if (entry.manifest === null)
        throw fail(
          'library.bad-manifest',
          'changing the note',
          'The note stands in the manifest, and that cannot be read',
          'Repair the manifest first.',
          { where: { path: join(entry.folder, MANIFEST_FILE) } },
        );
      await this.#writeManifest(entry, { ...entry.manifest, note });
    }
    return this.#changed(id);
  }

  async #writeManifest(entry: SnapshotEntry, manifest: NonNullable<SnapshotEntry['manifest']>): Promise<void> {
    await writeAside(join(entry.folder, MANIFEST_FILE), manifestText(manifest));
    await syncPath(entry.folder);
  }

  async moveToTrash(id: SnapshotId): Promise<void> {
    const entry = await this.get(id);
    if (isImport(id)) await this.#imports.remove(id);
    else await this.rooms.host.trash(entry.folder);
    this.#screens.delete(id);
    await this.refresh();
  }

  async reveal(id: SnapshotId): Promise<void> {
    const entry = await this.get(id);
    await this.rooms.host.reveal(isImport(id) ? (entry.memoryFile ?? entry.folder) : entry.folder);
  }

  async importFile(reference: string): Promise<SnapshotEntry> {
    const given = await findFileReference(reference);
    const path = await realpath(given.path).catch((cause: unknown) => {
      throw fail('file.not-found', 'importing a file', 'There is no such file', 'Check the path.', {
        where: { path: given.path },
        cause,
      });
    });
    const { entries } = await this.overview();
    const known = entries.find(
      ({ id, memoryFile, streamOffset }) => isImport(id) && memoryFile === path && streamOffset === given.streamOffset,
    );
    if (known !== undefined) return known;
    const report = await inspectOnce(this.rooms, path, given.streamOffset);
    const taken = new Set(entries.map(({ name }) => name));
    const added = await this.#imports.add({
      path,
      streamOffset: given.streamOffset,
      name: nextFree(basename(path), (name) => taken.has(name)),
      note: '',
      machineType: report.machine,
      ramBytes: guestRamBytes(report),
    });
    return this.#changed(added.id as SnapshotId);
  }

  refresh(): Promise<void> {
    for (const listener of [...this.#listeners]) listener();
    return Promise.resolve();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  screenPath(id: SnapshotId): string | null {
    return this.#screens.get(id) ?? null;
  }

  dispose(): void {
    this.#watcher?.close();
    if (this.#watchTimer !== null) clearTimeout(this.#watchTimer);
    this.#listeners.clear();
  }

  async #changed(id: SnapshotId): Promise<SnapshotEntry> {
    const entry = await this.get(id);
    await this.refresh();
    return entry;
  }

  #remember(entry: SnapshotEntry): SnapshotEntry {
    if (entry.screenUrl !== null) this.#screens.set(entry.id, join(entry.folder, SCREEN_FILE));
    return entry;
  }

  #taken(name: string): Error {
    return fail(
      'library.name-taken',
      'renaming the snapshot',
      `There is already something called ${name}`,
      'Choose another name.',
      {
        where: { path: this.folder, field: 'name' },
      },
    );
  }

  /** Other processes save into the same library. A file system without notification only misses those. */
  #watch(): void {
    try {
      this.#watcher = watch(this.folder, { persistent: false });
    } catch {
      // No instance or watch of inotify is left (EMFILE, ENOSPC): the library works without.
      return;
    }
    this.#watcher.on('change', () => {
      this.#watchTimer ??= setTimeout(() => {
        this.#watchTimer = null;
        void this.refresh();
      }, WATCH_DELAY_MS).unref();
    });
    this.#watcher.on('error', () => {
      this.#watcher?.close();
      this.#watcher = null;
    });
  }
}

/** Bounds how many files are open at once, whatever the size of the library. */
async function inBatches<T, U>(items: readonly T[], work: (item: T) => Promise<U>): Promise<readonly U[]> {
  const done: U[] = [];
  for (let at = 0; at < items.length; at += BATCH)
    done.push(...(await Promise.all(items.slice(at, at + BATCH).map((item) => work(item)))));
  return done;
}

/** Blocks of guest RAM have plain names; those of devices and firmware tables have slashes, and ROMs are small. */
const guestRamBytes = ({ ramBlocks }: InspectReport): number =>
  ramBlocks
    .filter(({ name, usedLength }) => !name.includes('/') && usedLength > 1024 * 1024)
    .reduce((sum, { usedLength }) => sum + usedLength, 0);

const isImport = (id: SnapshotId): boolean => id.startsWith('i-');

/** Without a date last; equal dates by name, so that a list does not jump. */
function newestFirst(a: SnapshotEntry, b: SnapshotEntry): number {
  const left = a.savedAt ?? '';
  const right = b.savedAt ?? '';
  return left === right ? a.name.localeCompare(b.name) : left < right ? 1 : -1;
}

function refuseUnfinished({ state, folder }: SnapshotEntry, done: string): void {
  if (state.kind !== 'interrupted') return;
  throw fail('usage', 'changing a snapshot', `An interrupted save cannot be ${done}`, 'Inspect it or remove it.', {
    where: { path: folder },
  });
}
