import {
  copyFile,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
  type FileHandle,
} from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { demoLayout, demoRecipe } from '../../src-main/machines/demo';
import { StillframeError } from '../../src-shared/contracts/failure';
import type { Finding, Manifest, SnapshotEntry } from '../../src-shared/contracts/library';
import type { Machine, Recipe } from '../../src-shared/contracts/machines';
import type { SaveOptions } from '../../src-shared/contracts/saves';
import { readGuestMemory } from '../support/guest-memory';
import { PlainQemu } from '../support/plain-qemu';
import {
  buildWorker,
  openTestServices,
  RESOURCES,
  saveAndWait,
  saveOptions,
  startMachine,
  type BuiltWorker,
  type TestServices,
} from '../support/services';
import { makeTempDir, removeTempDir } from '../support/temp';
import { until } from '../support/until';
import { readVmState } from '../support/vm-state';

const MEMORY_BYTES = 64 * 1024 * 1024;
let worker: BuiltWorker;
let folder: string;
let services: TestServices;

beforeAll(async () => {
  worker = await buildWorker();
});
afterAll(() => worker.remove());
beforeEach(async () => {
  folder = await makeTempDir();
  services = await openTestServices({ folder, worker });
});
afterEach(async () => {
  await services.end();
  await removeTempDir(folder);
});

const none = { engine: 'auto', then: null, accepted: [] } as const;

function toolsOf(machine: Machine): string {
  if (machine.toolsQmp === null) throw new Error('the machine has no second monitor');
  return machine.toolsQmp;
}

const counterOf = async (machine: Machine): Promise<bigint> =>
  (await readGuestMemory(toolsOf(machine), demoLayout.counter, 8)).readBigUInt64LE();

/** Everything of the guest's RAM above 1 MiB, where nothing but memory is. */
const memoryOf = (machine: Machine): Promise<Buffer> =>
  readGuestMemory(toolsOf(machine), demoLayout.counter, MEMORY_BYTES - demoLayout.counter);

async function startDemo(more: Partial<Recipe> = {}): Promise<Machine> {
  const recipe = {
    ...demoRecipe({ resources: RESOURCES, memoryMiB: 64, dirtyMiB: 16, dirtyMiBPerSecond: 256 }),
    ...more,
  };
  const machine = await startMachine(services, { kind: 'recipe', recipe });
  await until('the guest counts', async () => (await counterOf(machine)) > 0n);
  return machine;
}

async function save(machine: Machine, change: Partial<SaveOptions> = {}): Promise<SnapshotEntry> {
  const { outcome } = await saveAndWait(services, saveOptions(machine.id, change));
  if (outcome?.kind !== 'saved') throw new Error(`the save did not work out: ${JSON.stringify(outcome)}`);
  return services.library.resolve(outcome.result.snapshot);
}

/** Changes the manifest as somebody else's Stillframe would have written it. */
async function editManifest(entry: SnapshotEntry, change: Partial<Manifest>): Promise<SnapshotEntry> {
  const path = join(entry.folder, 'manifest.json');
  const manifest = JSON.parse(await readFile(path, 'utf8')) as Manifest;
  await writeFile(path, JSON.stringify({ ...manifest, ...change }));
  return services.library.get(entry.id);
}

const findingsOf = async (entry: SnapshotEntry): Promise<readonly Finding[]> =>
  (await services.restores.preflight(entry.id)).findings;

async function failureOf(work: Promise<unknown>) {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof StillframeError)) throw new Error(`it did not fail as it should: ${String(error)}`);
  return error.failure;
}

describe('a restore', () => {
  test.each([
    { mode: 'live', channels: 1, directIo: true },
    { mode: 'paused', channels: 4, directIo: false },
  ] as const)(
    'brings back the memory of a $mode save with $channels channels, and the guest goes on',
    async (options) => {
      const machine = await startDemo();
      const entry = await save(machine, { ...options, after: 'pause' });
      const memory = await memoryOf(machine);
      await services.machines.powerOff(machine.id);

      const paused = await services.restores.restore(entry.id, { engine: 'auto', then: 'pause', accepted: [] });
      expect(paused.machine.state).toBe('paused');
      expect((await memoryOf(paused.machine)).equals(memory)).toBe(true);
      expect(paused.timings.loadingMs).toBeGreaterThan(0);
      expect(paused.timings.totalMs).toBeGreaterThan(paused.timings.loadingMs);
      // Nothing of the load stays set on the new VM.
      const state = await readVmState(toolsOf(paused.machine));
      expect(state.fdsets).toEqual([]);
      expect(Object.entries(state.capabilities).filter(([, on]) => on)).toEqual([]);
      await services.machines.powerOff(paused.machine.id);

      const { machine: running } = await services.restores.restore(entry.id, none);
      expect(running.state).toBe('running');
      const counter = memory.readBigUInt64LE();
      await until('the counter goes on', async () => (await counterOf(running)) > counter);
      expect(services.files.openCount()).toBe(0);
    },
  );

  test('keeps a VM paused that was paused when it was saved, unless it is told to run', async () => {
    const machine = await startDemo();
    await services.machines.pause(machine.id);
    const entry = await save(machine);
    await services.machines.powerOff(machine.id);
    const { machine: paused } = await services.restores.restore(entry.id, none);
    expect(paused.state).toBe('paused');
    await services.machines.powerOff(paused.id);
    const { machine: running } = await services.restores.restore(entry.id, {
      engine: 'auto',
      then: 'run',
      accepted: [],
    });
    expect(running.state).toBe('running');
    // It can be saved again at once.
    expect((await save(running)).state).toEqual({ kind: 'good', durable: true });
  });

  test('finds everything in order right after a save', async () => {
    const entry = await save(await startDemo());
    const findings = await findingsOf(entry);
    expect(findings.map(({ code, level }) => [code, level])).toEqual(
      ['file', 'qemu', 'machine-type', 'accelerator', 'cpu-model', 'disk'].map((code) => [code, 'ok']),
    );
    expect(findings[1]?.text).toBe(`QEMU ${entry.manifest?.qemuVersion ?? ''} is installed, the version that saved.`);
  });
});

describe('a disk of the VM', () => {
  /** Puts the disk's dates back after `change`, or sets them to now when there is none. */
  async function alter(disk: string, change: ((handle: FileHandle) => Promise<unknown>) | null): Promise<void> {
    const handle = await open(disk, 'r+');
    const { atime, mtime } = await handle.stat();
    await change?.(handle);
    await (change === null ? handle.utimes(new Date(), new Date()) : handle.utimes(atime, mtime));
    await handle.close();
  }

  test('is as it was, or is asked about, or stops the restore', async () => {
    const disk = join(folder, 'data.qcow2');
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', disk, '16M']);
    const { argv } = demoRecipe({ resources: RESOURCES, memoryMiB: 64, dirtyMiB: 16 });
    const machine = await startDemo({ argv: [...argv, '-drive', `file=${disk},if=virtio,format=qcow2`] });
    expect((await services.saves.outlook(machine.id)).writableDisks).toEqual([disk]);
    const entry = await save(machine, { after: 'quit' });
    const about = async (): Promise<Finding | undefined> => (await findingsOf(entry)).find(({ key }) => key === disk);
    expect(await about()).toMatchObject({ code: 'disk', level: 'ok', text: 'data.qcow2 is as it was at the save.' });

    // Restored as it is, then put back as it was: QEMU opens it for writing but the guest writes nothing.
    const original = await readFile(disk);
    const { mtime } = await stat(disk);
    const { machine: restored } = await services.restores.restore(entry.id, none);
    expect(restored.state).toBe('running');
    await services.machines.powerOff(restored.id);
    await writeFile(disk, original);
    await utimes(disk, mtime, mtime);

    const changes: readonly [RegExp, () => Promise<void>][] = [
      [/its header changed/, () => alter(disk, (handle) => handle.write(Buffer.from('x'), 0, 1, 4096))],
      [/its size was \d+ bytes and is \d+/, () => alter(disk, (handle) => handle.truncate(original.length + 512))],
      [/it was written on/, () => alter(disk, null)],
    ];
    for (const [words, change] of changes) {
      await change();
      const acceptText = 'Restore anyway, the guest may lose file data';
      expect(await about()).toMatchObject({ code: 'disk-written', level: 'ask', acceptText });
      expect((await about())?.text).toMatch(words);
      for (const accepted of [[], ['/other']]) {
        const failure = await failureOf(services.restores.restore(entry.id, { engine: 'auto', then: null, accepted }));
        expect(failure).toMatchObject({ code: 'restore.preflight', where: { field: disk } });
      }
    }
    await writeFile(disk, original);
    const { machine: accepted } = await services.restores.restore(entry.id, {
      engine: 'auto',
      then: null,
      accepted: [disk],
    });
    expect(accepted.state).toBe('running');
    await services.machines.powerOff(accepted.id);

    await rename(disk, `${disk}.away`);
    const text = `data.qcow2 is missing: put it back at ${disk}.`;
    expect(await about()).toEqual({ code: 'disk-missing', level: 'stop', text, acceptText: null, key: disk });
    const failure = await failureOf(
      services.restores.restore(entry.id, { engine: 'auto', then: null, accepted: [disk] }),
    );
    expect(failure).toMatchObject({ code: 'restore.preflight', where: { field: disk } });
  });
});

describe('what the snapshot needs and is not here', () => {
  const cases: readonly [string, Partial<Manifest>, Partial<Finding>][] = [
    ['a newer QEMU', { qemuVersion: '99.1.0' }, { code: 'qemu-older', level: 'ask' }],
    ['a machine type nobody knows', { machineType: 'pc-q35-99.0' }, { code: 'machine-type', level: 'stop' }],
    ['a CPU model nobody knows', { cpuModel: 'Zen-99' }, { code: 'cpu-model', level: 'stop' }],
    ['an accelerator of another kind', { accelerator: 'other' }, { code: 'accelerator', level: 'note' }],
    ['a flush that was left out', { durable: false }, { code: 'durability', level: 'note' }],
  ];

  test('is found before anything is started, each by its own finding', async () => {
    const entry = await save(await startDemo());
    const whole = entry.manifest;
    if (whole === null) throw new Error('no manifest');
    for (const [what, change, finding] of cases) {
      await editManifest(entry, { ...whole, ...change });
      const findings = await findingsOf(entry);
      expect(findings, what).toContainEqual(expect.objectContaining(finding));
      const others = findings.filter(({ code, level }) => code !== finding.code && level !== 'ok');
      expect(others, what).toEqual([]);
    }
    const recipe = { ...(whole.recipe as Recipe), program: 'qemu-system-nowhere' };
    await editManifest(entry, { ...whole, recipe });
    expect(await findingsOf(entry)).toContainEqual(expect.objectContaining({ code: 'qemu', level: 'stop' }));
    await editManifest(entry, { ...whole, recipe: null });
    expect(await findingsOf(entry)).toContainEqual(expect.objectContaining({ code: 'no-recipe', level: 'stop' }));
    await editManifest(entry, { ...whole, recipe: { ...(whole.recipe as Recipe), program: '/bin/true' } });
    expect(await findingsOf(entry)).toContainEqual(
      expect.objectContaining({ code: 'qemu', level: 'ask', acceptText: 'Start /bin/true' }),
    );
  });

  test('a program of its own is not even asked what it can do before the person agrees', async () => {
    const entry = await save(await startDemo());
    const recipe = entry.manifest?.recipe as Recipe;
    const program = join(folder, 'qemu-system-x86_64');
    const traces = join(folder, 'it-ran');
    await writeFile(program, `#!/bin/sh\ntouch ${traces}\nexec qemu-system-x86_64 "$@"\n`, { mode: 0o755 });
    const kinds = [
      { ...recipe, program },
      { ...recipe, env: { PATH: folder } },
      { ...recipe, env: { LD_PRELOAD: program } },
    ];
    for (const brought of kinds) {
      await editManifest(entry, { recipe: brought });
      const finding = (await findingsOf(entry)).find(({ code }) => code === 'qemu');
      expect(finding).toMatchObject({ level: 'ask', acceptText: `Start ${brought.program}` });
      expect(finding?.text).toContain(`This snapshot wants to run ${brought.program}`);
      expect((await failureOf(services.restores.restore(entry.id, none))).code).toBe('restore.preflight');
    }
    await editManifest(entry, { recipe: { ...recipe, env: { LANG: 'C' } } });
    expect((await findingsOf(entry)).find(({ code }) => code === 'qemu')?.level).toBe('ok');
    await expect(stat(traces)).rejects.toMatchObject({ code: 'ENOENT' });

    await editManifest(entry, { recipe: { ...recipe, program } });
    const { machine } = await services.restores.restore(entry.id, { engine: 'auto', then: null, accepted: ['qemu'] });
    expect(machine.state).toBe('running');
    expect((await stat(traces)).isFile()).toBe(true);
    // A machine here uses it now.
    expect((await findingsOf(entry)).find(({ code }) => code === 'qemu')?.level).toBe('ok');
  });

  test('a memory file that is cut off or gone', async () => {
    const entry = await save(await startDemo());
    const file = entry.memoryFile ?? '';
    const handle = await open(file, 'r+');
    await handle.truncate(entry.fileBytes - 1000);
    await handle.close();
    expect((await services.library.get(entry.id)).state.kind).toBe('damaged');
    expect((await findingsOf(entry))[0]).toMatchObject({ code: 'file-incomplete', level: 'stop' });
    // Also when the manifest was made to agree.
    await editManifest(entry, { memoryFileBytes: entry.fileBytes - 1000 });
    expect((await findingsOf(entry))[0]).toMatchObject({ code: 'file-incomplete', level: 'stop' });
    await rm(file);
    expect((await findingsOf(entry))[0]).toMatchObject({ code: 'file-incomplete', level: 'stop' });
  });
});

describe('a load that QEMU refuses', () => {
  test("shows QEMU's own words, leaves no process, and the snapshot as it was", async () => {
    const machine = await startDemo();
    const entry = await save(machine, { after: 'quit' });
    const recipe = entry.manifest?.recipe as Recipe;
    // The same memory and another device: QEMU finds a section that it has no device for.
    const argv = recipe.argv
      .filter((word) => !word.startsWith('virtio-blk-pci'))
      .map((word) => (word === '-blockdev' ? '-device' : word));
    const at = argv.findIndex((word) => word.startsWith('{'));
    argv.splice(at, 1, 'virtio-rng-pci');
    argv.splice(argv.indexOf('-device', at), 1);
    const other = await editManifest(entry, { recipe: { ...recipe, argv } });
    const before = await readFile(entry.memoryFile ?? '');
    const failure = await failureOf(services.restores.restore(other.id, none));
    expect(failure.code).toBe('restore.failed');
    expect(failure.detail).toMatch(/qemu-system-x86_64: .*virtio-blk/);
    expect(failure.what).toMatch(/^QEMU could not load the snapshot: /);
    expect((await services.machines.list()).filter(({ state }) => state !== 'off')).toEqual([]);
    expect((await readFile(entry.memoryFile ?? '')).equals(before)).toBe(true);
    expect(services.files.openCount()).toBe(0);
    expect(await readdir(join(folder, 'run'))).toEqual([]);
  });

  test('with another amount of memory is refused by Stillframe: QEMU itself would load it and say nothing', async () => {
    const machine = await startDemo();
    const entry = await save(machine, { after: 'quit' });
    const recipe = entry.manifest?.recipe as Recipe;
    const argv = recipe.argv.map((word) => (word === '64M' ? '96M' : word));
    await editManifest(entry, { recipe: { ...recipe, argv } });
    const failure = await failureOf(services.restores.restore(entry.id, none));
    expect(failure).toMatchObject({ code: 'restore.failed', where: { field: 'pc.ram' } });
    expect(failure.what).toBe('The snapshot has 67108864 bytes of pc.ram, and the recipe gives it 100663296 bytes');
    expect((await services.machines.list()).filter(({ state }) => state !== 'off')).toEqual([]);
    expect(await readdir(join(folder, 'run'))).toEqual([]);
  });
});

describe('a file that plain QEMU wrote', () => {
  const recipe = (): Recipe =>
    demoRecipe({ resources: RESOURCES, memoryMiB: 64, dirtyMiB: 16, dirtyMiBPerSecond: 256 });

  /** Saves a running demo guest with nothing of ours; answers its memory as it was then. */
  async function saveTheirs(uri: string, mappedRam: boolean, channels: number): Promise<Buffer> {
    const vm = await PlainQemu.start({ argv: recipe().argv, folder });
    try {
      const counter = async (): Promise<bigint> => (await vm.readMemory(demoLayout.counter, 8)).readBigUInt64LE();
      await until('the guest counts', async () => (await counter()) > 0n);
      await vm.save(uri, { mappedRam, channels });
      return await vm.readMemory(demoLayout.counter, MEMORY_BYTES - demoLayout.counter);
    } finally {
      await vm.stop();
    }
  }

  test.each([
    ['with multifd', '', true, 2],
    ['without multifd', '', true, 0],
    ['at an offset', ',offset=1052672', true, 2],
    ['as a legacy stream', '', false, 0],
  ])('%s is imported and restored with a recipe for the same machine', async (_, offset, mappedRam, channels) => {
    const file = join(folder, 'theirs.img');
    const memory = await saveTheirs(`file:${file}${offset}`, mappedRam, channels);
    const entry = await services.library.importFile(file);
    expect(entry).toMatchObject({ state: { kind: 'imported' }, name: 'theirs.img', memoryFile: file, manifest: null });

    const findings = await findingsOf(entry);
    expect(findings.map(({ code, level }) => [code, level])).toEqual([
      ['file', 'ok'],
      ['no-recipe', 'stop'],
    ]);
    expect((await failureOf(services.restores.restore(entry.id, none))).what).toContain('--recipe');

    const { machine } = await services.restores.restoreEntry(
      entry,
      { engine: 'auto', then: 'pause', accepted: [] },
      recipe(),
    );
    expect((await memoryOf(machine)).equals(memory)).toBe(true);
    const counter = memory.readBigUInt64LE();
    await services.machines.resume(machine.id);
    await until('the counter goes on', async () => (await counterOf(machine)) > counter);
  });

  test('inside a libvirt container is found there and restored', async () => {
    const file = join(folder, 'stream.img');
    const header = Buffer.alloc(92 + 4096 - 92);
    header.write('LibvirtQemudSave', 0, 'latin1');
    [2, header.length - 92, 1, 6, 0].forEach((value, index) => header.writeUInt32LE(value, 16 + 4 * index));
    header.write('<domain type="qemu"/>\0', 92);
    const memory = await saveTheirs(`file:${file},offset=${String(header.length)}`, true, 2);
    const handle = await open(file, 'r+');
    await handle.write(header, 0, header.length, 0);
    await handle.close();
    const copy = join(folder, 'libvirt.save');
    await copyFile(file, copy);
    const entry = await services.library.importFile(copy);
    const { machine } = await services.restores.restoreEntry(
      entry,
      { engine: 'auto', then: 'pause', accepted: [] },
      recipe(),
    );
    expect((await memoryOf(machine)).equals(memory)).toBe(true);
  });

  test('is refused with a recipe for a VM without its screen', async () => {
    const file = join(folder, 'theirs.img');
    await saveTheirs(`file:${file}`, true, 2);
    const entry = await services.library.resolve(file);
    expect(entry.state).toEqual({ kind: 'imported' });
    const { argv, ...rest } = recipe();
    const other = { ...rest, argv: argv.map((word) => (word === 'std' ? 'none' : word)) };
    const failure = await failureOf(services.restores.restoreEntry(entry, none, other));
    expect(failure).toMatchObject({ code: 'restore.failed', where: { field: '0000:00:01.0/vga.vram' } });
  });
});
