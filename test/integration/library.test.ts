import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { StillframeError } from '../../src-shared/contracts/failure';
import type { Manifest, SnapshotEntry } from '../../src-shared/contracts/library';
import { saveWithPlainQemu } from '../support/plain-qemu';
import { buildWorker, openTestServices, type BuiltWorker, type TestServices } from '../support/services';
import { makeTempDir, removeTempDir } from '../support/temp';

let worker: BuiltWorker;
let folder: string;
let services: TestServices;
let library: string;
/** A real file, saved once by plain QEMU: 32 MiB of RAM that hardly has anything in it. */
let saved: { readonly folder: string; readonly file: string };

beforeAll(async () => {
  worker = await buildWorker();
  const place = await makeTempDir();
  saved = { folder: place, file: join(place, 'plain.img') };
  await saveWithPlainQemu({
    argv: ['-M', 'q35', '-m', '32'],
    folder: place,
    uri: `file:${saved.file}`,
    migrate: { mappedRam: true, channels: 2 },
  });
});
afterAll(async () => {
  await removeTempDir(saved.folder);
  await worker.remove();
});
beforeEach(async () => {
  folder = await makeTempDir();
  library = join(folder, 'library');
  services = await openTestServices({ folder, worker });
});
afterEach(async () => {
  await services.end();
  await removeTempDir(folder);
});

const manifestFor = async (name: string, change: Partial<Manifest> = {}): Promise<Manifest> => ({
  formatVersion: 1,
  name,
  note: '',
  machineName: 'vm',
  recipe: { name: 'vm', program: 'qemu-system-x86_64', argv: ['-m', '32'], env: {}, cwd: '/' },
  qemuVersion: '10.0.2',
  machineType: 'pc-q35-10.0',
  accelerator: 'tcg',
  cpuModel: 'qemu64',
  cpus: 1,
  memoryBytes: 33554432,
  savedAt: '2026-11-23T14:00:00.000Z',
  wasRunning: true,
  engine: 'native',
  digests: null,
  mode: 'live',
  finishedPaused: null,
  channels: 2,
  directIo: true,
  durable: true,
  bytesWritten: 1,
  pagesWritten: 1,
  timings: { totalMs: 1, pausedMs: 0, writingMs: 1, flushingMs: 0, sealingMs: 0 },
  memoryFileBytes: (await stat(saved.file)).size,
  blocks: [],
  ramMap: [],
  disks: [],
  ...change,
});

/** A snapshot folder as a save makes it, with the real memory file. */
async function put(name: string, change: Partial<Manifest> = {}): Promise<string> {
  const path = join(library, name);
  await mkdir(path);
  execFileSync('cp', ['--sparse=always', saved.file, join(path, 'memory.mapped')]);
  await writeFile(join(path, 'manifest.json'), JSON.stringify(await manifestFor(name, change)));
  return path;
}

const entries = async (): Promise<readonly SnapshotEntry[]> => (await services.library.overview()).entries;
const entryOf = async (name: string): Promise<SnapshotEntry> => {
  const found = (await entries()).find((entry) => entry.name === name);
  if (found === undefined) throw new Error(`no entry ${name}`);
  return found;
};
const codeOf = async (work: Promise<unknown>): Promise<string | null> => {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return error === null
    ? null
    : error instanceof StillframeError
      ? error.failure.code
      : `other: ${JSON.stringify(error)}`;
};

describe('the library', () => {
  test('lists newest first, with the space each snapshot takes and what is free', async () => {
    await put('older', { savedAt: '2026-11-20T10:00:00.000Z' });
    await put('newest', { savedAt: '2026-11-23T10:00:00.000Z' });
    await put('middle', { savedAt: '2026-11-21T10:00:00.000Z', durable: false });
    const overview = await services.library.overview();
    expect(overview.folder).toBe(library);
    expect(overview.freeBytes).toBeGreaterThan(1e6);
    expect(overview.entries.map(({ name, state }) => [name, state])).toEqual([
      ['newest', { kind: 'good', durable: true }],
      ['middle', { kind: 'good', durable: false }],
      ['older', { kind: 'good', durable: true }],
    ]);
    const { size, blocks } = await stat(join(library, 'newest', 'memory.mapped'));
    expect(overview.entries[0]).toMatchObject({ fileBytes: size, bytesOnDisk: blocks * 512, ramBytes: 33554432 });
    expect(blocks * 512).toBeLessThan(size / 4);
  });

  test('shows what is no good snapshot as damaged, with the reason, and never fails over it', async () => {
    const made = async (name: string, change: (path: string) => Promise<unknown>): Promise<void> => {
      await change(await put(name));
    };
    await made('a no manifest', (path) => rename(join(path, 'manifest.json'), join(path, 'other')));
    await made('b no json', (path) => writeFile(join(path, 'manifest.json'), '{'));
    await made('c later format', (path) => writeFile(join(path, 'manifest.json'), '{"formatVersion":2}'));
    await made('d a field', (path) =>
      writeFile(join(path, 'manifest.json'), JSON.stringify({ formatVersion: 1, name: 4 })),
    );
    await made('e no memory', (path) => rename(join(path, 'memory.mapped'), join(path, 'other')));
    await made('f short memory', (path) => writeFile(join(path, 'memory.mapped'), 'QEVM'));
    await made('g linked memory', async (path) => {
      await rename(join(path, 'memory.mapped'), join(path, 'other'));
      await symlink(join(path, 'other'), join(path, 'memory.mapped'));
    });
    await made('h a pipe', async (path) => {
      await rename(join(path, 'manifest.json'), join(path, 'other'));
      execFileSync('mkfifo', [join(path, 'manifest.json')]);
    });
    await mkdir(join(library, 'i empty'));
    await writeFile(join(library, 'a file'), 'not a folder');
    await mkdir(join(library, '.hidden'));
    const found = [...(await entries())].sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(found.map(({ name, state }) => [name.slice(0, 1), state.kind, 'why' in state ? state.why : ''])).toEqual([
      ['a', 'damaged', 'There is no manifest.'],
      ['b', 'damaged', 'The manifest is not JSON.'],
      ['c', 'damaged', 'Format version 2 is not known to this Stillframe, which knows 1 (formatVersion).'],
      ['d', 'damaged', expect.stringContaining('(name)')],
      ['e', 'damaged', 'There is no memory.mapped.'],
      ['f', 'damaged', expect.stringMatching(/^memory\.mapped has 4 bytes, and manifest\.json says \d+\.$/)],
      ['g', 'damaged', 'There is no memory.mapped.'],
      ['h', 'damaged', 'The manifest is no regular file of at most 4 MiB.'],
      ['i', 'damaged', 'There is no manifest.'],
    ]);
  });

  test('tells when something changes in its folder, whoever did it', async () => {
    const changed = new Promise<void>((resolve) => services.library.onChange(resolve));
    await put('from elsewhere');
    await changed;
  });
});

describe('an unfinished save', () => {
  async function unfinished(owner: object | null): Promise<void> {
    const path = join(library, '.saving-7f19a0b1');
    await mkdir(path);
    await writeFile(join(path, 'memory.mapped'), 'QEVM');
    if (owner !== null) await writeFile(join(path, 'owner.json'), JSON.stringify(owner));
  }
  const boot = async (): Promise<string> => (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const startTicks = async (pid: number): Promise<number> => {
    const fields = (await readFile(`/proc/${String(pid)}/stat`, 'utf8')).split(') ').at(-1)?.split(' ');
    return Number(fields?.[19]);
  };
  const about = { machineName: 'vm', snapshotName: 'before', startedAt: '2026-11-23T14:00:00.000Z' };

  test('whose process is gone is shown as interrupted', async () => {
    await unfinished({ pid: 4_000_000, startTicks: 1, boot: await boot(), ...about });
    const [entry] = await entries();
    expect(entry).toMatchObject({
      name: 'saving-7f19a0b1',
      machineName: 'vm',
      memoryFile: expect.any(String) as string,
    });
    expect(entry?.state).toMatchObject({
      kind: 'interrupted',
      why: expect.stringContaining('The save before') as string,
    });
  });

  test.each([
    ['whose mark cannot be read', () => Promise.resolve({ pid: 'x' })],
    ['without a mark', () => Promise.resolve(null)],
    [
      'of a process with the same number but another start',
      async () => ({ pid: process.ppid, startTicks: 1, boot: await boot(), ...about }),
    ],
    [
      'from before the last boot',
      async () => ({ pid: process.ppid, startTicks: await startTicks(process.ppid), boot: 'other', ...about }),
    ],
    [
      'of this process, which knows of no such save',
      async () => ({ pid: process.pid, startTicks: await startTicks(process.pid), boot: await boot(), ...about }),
    ],
  ])('%s is shown as interrupted', async (_, owner) => {
    await unfinished(await owner());
    expect((await entries()).map(({ state }) => state.kind)).toEqual(['interrupted']);
  });

  test('of another process that still runs is not shown', async () => {
    await unfinished({ pid: process.ppid, startTicks: await startTicks(process.ppid), boot: await boot(), ...about });
    expect(await entries()).toEqual([]);
  });

  test('can be removed, and neither renamed nor restored', async () => {
    await unfinished(null);
    const { id } = await entryOf('saving-7f19a0b1');
    expect(await codeOf(services.library.rename(id, 'good'))).toBe('usage');
    expect(await codeOf(services.library.setNote(id, 'good'))).toBe('usage');
    expect(await codeOf(services.restores.restore(id, { engine: 'auto', then: null, accepted: [] }))).toBe(
      'restore.preflight',
    );
    await services.library.moveToTrash(id);
    expect(await readdir(library)).toEqual([]);
    expect(await readdir(join(folder, 'trash'))).toEqual(['.saving-7f19a0b1']);
  });
});

describe('a snapshot', () => {
  test('is renamed with its folder and its manifest, and keeps its id', async () => {
    await put('one');
    const { id } = await entryOf('one');
    const renamed = await services.library.rename(id, 'zwei – 二');
    expect(renamed).toMatchObject({ id, name: 'zwei – 二', folder: join(library, 'zwei – 二') });
    expect(renamed.manifest?.name).toBe('zwei – 二');
    expect(await readdir(library)).toEqual(['zwei – 二']);
    expect(await services.library.rename(id, 'zwei – 二')).toEqual(renamed);
  });

  test('is never renamed over another, nor over anything else in the folder', async () => {
    await put('one');
    await put('two');
    await mkdir(join(library, 'three'));
    await writeFile(join(library, 'four'), 'a file');
    const { id } = await entryOf('one');
    for (const name of ['two', 'three', 'four'])
      expect(await codeOf(services.library.rename(id, name)), name).toBe('library.name-taken');
    expect((await readdir(library)).sort()).toEqual(['four', 'one', 'three', 'two']);
    expect((await entryOf('one')).manifest?.name).toBe('one');
  });

  test.each(['', '.', '..', 'a/b', '../x', '.saving-x', 'a\n', 'x'.repeat(300), 'a\u202eb'])(
    'cannot be called %j',
    async (name) => {
      await put('one');
      expect(await codeOf(services.library.rename((await entryOf('one')).id, name))).toBe('library.bad-name');
    },
  );

  test('takes a note, whole or not at all', async () => {
    await put('one');
    const { id } = await entryOf('one');
    expect((await services.library.setNote(id, 'Keep.\nTwo lines “and” 語')).note).toBe('Keep.\nTwo lines “and” 語');
    expect(await codeOf(services.library.setNote(id, 'x'.repeat(20_000)))).toBe('usage');
    expect((await entryOf('one')).note).toBe('Keep.\nTwo lines “and” 語');
    expect((await readdir(join(library, 'one'))).sort()).toEqual(['manifest.json', 'memory.mapped']);
  });

  test('goes to the trash, whole', async () => {
    await put('one');
    await services.library.moveToTrash((await entryOf('one')).id);
    expect(await entries()).toEqual([]);
    expect((await readdir(join(folder, 'trash', 'one'))).sort()).toEqual(['manifest.json', 'memory.mapped']);
  });

  test('that is gone is unknown', async () => {
    await put('one');
    const { id } = await entryOf('one');
    await rename(join(library, 'one'), join(folder, 'away'));
    const { library: known } = services;
    for (const work of [() => known.get(id), () => known.setNote(id, ''), () => known.moveToTrash(id)])
      expect(await codeOf(work())).toBe('library.unknown');
  });
});

describe('a reference', () => {
  test('is an id, a name, a path to a folder, to the folder above it, or to a bare file', async () => {
    const path = await put('one');
    const { id } = await entryOf('one');
    for (const reference of [id, 'one', path]) expect((await services.library.resolve(reference)).id).toBe(id);
    await mkdir(join(folder, 'outside'));
    await rename(path, join(folder, 'outside', 'one'));
    for (const reference of [join(folder, 'outside', 'one'), join(folder, 'outside')])
      expect(await services.library.resolve(reference)).toMatchObject({ id, state: { kind: 'good' } });
    expect(await services.library.resolve(saved.file)).toMatchObject({
      state: { kind: 'imported' },
      memoryFile: saved.file,
    });
    expect(await codeOf(services.library.resolve('nothing of that name'))).toBe('library.unknown');
  });
});

describe('a bare file', () => {
  test('is imported where it lies, once, and only forgotten when it is removed', async () => {
    const before = await stat(saved.file);
    const entry = await services.library.importFile(saved.file);
    expect(entry).toMatchObject({
      name: 'plain.img',
      state: { kind: 'imported' },
      memoryFile: saved.file,
      ramBytes: 32 * 1024 * 1024,
      fileBytes: before.size,
    });
    expect((await services.library.importFile(saved.file)).id).toBe(entry.id);
    const noted = await services.library.setNote(entry.id, 'from the other host');
    const renamed = await services.library.rename(entry.id, 'theirs');
    expect([noted.note, renamed.name]).toEqual(['from the other host', 'theirs']);
    expect(await readdir(library)).toEqual(['imports.json']);

    await services.end();
    services = await openTestServices({ folder, worker });
    expect(await entries()).toEqual([renamed]);
    await services.library.moveToTrash(entry.id);
    expect(await entries()).toEqual([]);
    const after = await stat(saved.file);
    expect([after.ino, after.size, after.mtimeMs]).toEqual([before.ino, before.size, before.mtimeMs]);
  });

  test('that is no snapshot is refused with what is wrong with it', async () => {
    const text = join(folder, 'text');
    await writeFile(text, 'hello');
    expect(await codeOf(services.library.importFile(text))).toMatch(/^format\./);
    expect(await codeOf(services.library.importFile(folder))).toBe('file.not-a-file');
    expect(await codeOf(services.library.importFile(join(folder, 'none')))).toBe('file.not-found');
    expect(await readdir(library)).toEqual([]);
  });

  test('that is gone is shown as damaged, not forgotten', async () => {
    const copy = join(folder, 'copy.img');
    execFileSync('cp', ['--sparse=always', saved.file, copy]);
    await services.library.importFile(copy);
    await rename(copy, `${copy}.away`);
    expect((await entries()).map(({ state }) => state)).toEqual([
      { kind: 'damaged', why: `${copy} is not there any more.` },
    ]);
  });

  test('does not overwrite a list of imports that cannot be understood, which is shown and hides nothing else', async () => {
    await put('one');
    await writeFile(join(library, 'imports.json'), '{"formatVersion":9}');
    expect(await codeOf(services.library.importFile(saved.file))).toBe('library.bad-manifest');
    expect(await readFile(join(library, 'imports.json'), 'utf8')).toBe('{"formatVersion":9}');
    expect((await entries()).map(({ name, state }) => [name, state.kind])).toEqual([
      ['one', 'good'],
      ['imports.json', 'damaged'],
    ]);
    await services.library.moveToTrash((await entryOf('imports.json')).id);
    expect(await readdir(library)).toEqual(['one']);
  });

  test('gets another name when its own is taken', async () => {
    await put('plain.img');
    expect((await services.library.importFile(saved.file)).name).toBe('plain.img (2)');
  });
});
