import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { demoLayout, demoRecipe } from '../../src-main/machines/demo';
import type { Machine } from '../../src-shared/contracts/machines';
import type { SaveJob, SaveOptions, SaveResult } from '../../src-shared/contracts/saves';
import { readGuestMemory, withMonitor } from '../support/guest-memory';
import { PlainQemu, restoreWithPlainQemu } from '../support/plain-qemu';
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

const MEMORY_MIB = 96;
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

async function startDemo(more: { dirtyMiB?: number; dirtyMiBPerSecond?: number; memoryMiB?: number } = {}) {
  const machine = await startMachine(services, {
    kind: 'demo',
    memoryMiB: MEMORY_MIB,
    dirtyMiB: 32,
    dirtyMiBPerSecond: 256,
    ...more,
  });
  const tools = toolsOf(machine);
  await until('the guest has written its memory once', async () => (await passesOf(tools)) > 0);
  return { machine, tools };
}

function toolsOf(machine: Machine): string {
  if (machine.toolsQmp === null) throw new Error('the machine has no second monitor');
  return machine.toolsQmp;
}

const counterOf = async (socket: string): Promise<bigint> =>
  (await readGuestMemory(socket, demoLayout.counter, 8)).readBigUInt64LE();

function resultOf({ outcome }: SaveJob): SaveResult {
  if (outcome?.kind !== 'saved') throw new Error(`the save did not work out: ${JSON.stringify(outcome)}`);
  return outcome.result;
}

/** How often the guest has written its whole window. */
const passesOf = async (socket: string): Promise<number> =>
  (await readGuestMemory(socket, demoLayout.pass, 4)).readUInt32LE();

const entries = async () => (await services.library.overview()).entries;

/** Where the first page of a block lies in the file and which pages are there, from the manifest and the worker. */
async function inspect(path: string) {
  const { lease, release } = await services.files.lendPath(path);
  const one = await services.workers.take('test');
  try {
    return await one.api.inspect(lease);
  } finally {
    one.stop();
    await release();
  }
}

describe('a save', () => {
  const table: readonly Partial<SaveOptions>[] = (['live', 'paused'] as const).flatMap((mode) =>
    [1, 2, 4].flatMap((channels) =>
      [true, false].map((directIo) => ({ engine: 'native' as const, mode, channels, directIo })),
    ),
  );

  test('by QEMU itself works live and paused, with every number of channels, with and without direct I/O, and puts the VM back', async () => {
    const { machine, tools } = await startDemo();
    const before = await readVmState(tools);
    for (const options of table) {
      const job = await saveAndWait(services, saveOptions(machine.id, options));
      const result = resultOf(job);
      expect(result).toMatchObject({
        engine: 'native',
        channels: options.channels,
        directIo: options.directIo,
        durable: true,
      });
      expect(job.progress.notices).toEqual([]);
      expect(await readVmState(tools), JSON.stringify(options)).toEqual(before);
      const { ramBlocks, capabilities, complete, problems } = await inspect(result.memoryFile);
      expect({ capabilities, complete, problems }).toEqual({
        capabilities: ['mapped-ram'],
        complete: true,
        problems: [],
      });
      // The guest writes 32 MiB over and over; a live save may write pages again, never fewer than are present.
      const present = ramBlocks.reduce((sum, block) => sum + (block.pagesPresent ?? 0), 0);
      expect(present).toBeGreaterThan(32 * 256);
      expect(result.pagesWritten).toBeGreaterThanOrEqual(present);
      expect(result.timings.totalMs).toBeGreaterThan(result.timings.writingMs);
      expect(result.timings.pausedMs).toBeGreaterThan(0);
    }
    expect((await entries()).map(({ state }) => state)).toEqual(table.map(() => ({ kind: 'good', durable: true })));
    expect(services.files.openCount()).toBe(0);
    const counter = await counterOf(tools);
    await sleep(200);
    expect(await counterOf(tools)).toBeGreaterThan(counter);
  });

  test('that leaves the VM paused holds exactly the memory that the VM has then, and QEMU alone loads it', async () => {
    const { machine, tools } = await startDemo();
    const { memoryFile } = resultOf(
      await saveAndWait(services, saveOptions(machine.id, { mode: 'live', after: 'pause' })),
    );
    expect((await services.machines.get(machine.id)).state).toBe('stopped-after-save');
    const memory = await readGuestMemory(tools, demoLayout.counter, (MEMORY_MIB - 1) * 1024 * 1024);
    const argv = [...(machine.recipe?.argv ?? []), '-S'];
    for (const channels of [0, 2]) {
      const restored = await restoreWithPlainQemu({
        argv,
        folder,
        uri: `file:${memoryFile}`,
        migrate: { mappedRam: true, channels },
      });
      try {
        const there = await restored.readMemory(demoLayout.counter, memory.length);
        expect(there.equals(memory), `${String(channels)} channels`).toBe(true);
      } finally {
        await restored.stop();
      }
    }
  });

  test('shows its phases in order, passes, bytes and rates', async () => {
    const { machine } = await startDemo();
    const seen: SaveJob[] = [];
    services.saves.onProgress((job) => seen.push(job));
    const job = await saveAndWait(services, saveOptions(machine.id, { mode: 'live' }));
    const phases = seen.map(({ progress }) => progress.phase).filter((phase, at, all) => phase !== all[at - 1]);
    expect(phases).toEqual(['preparing', 'writing', 'flushing', 'sealing']);
    expect(seen.at(-1)).toEqual(job);
    const { progress } = job;
    const { phaseMs } = progress;
    const sum = phaseMs.preparing + phaseMs.writing + phaseMs.flushing + phaseMs.sealing;
    expect(Math.abs(sum - progress.elapsedMs)).toBeLessThan(5);
    expect(progress.passes.length).toBeGreaterThanOrEqual(1);
    const inPasses = progress.passes.reduce((total, pass) => total + pass.pagesWritten, 0);
    expect(inPasses).toBe(progress.pagesWritten);
    expect(progress.fileBytesOnDisk).toBeGreaterThan(32 * 1024 * 1024);
    expect(progress.fileBytesOnDisk).toBeLessThanOrEqual(progress.fileBytesAtMost);
    expect(seen.some(({ progress: { bytesPerSecond } }) => bytesPerSecond > 0)).toBe(true);
    expect(job.progress.guest).toBe('running');
  });

  test('records what a restore needs: recipe, blocks, memory map, disks, screen', async () => {
    const { machine } = await startDemo();
    const { memoryFile } = resultOf(
      await saveAndWait(services, saveOptions(machine.id, { name: 'before the update', note: 'kernel 6.12' })),
    );
    const [entry] = await entries();
    expect(entry).toMatchObject({ name: 'before the update', note: 'kernel 6.12', memoryFile });
    const { size, blocks } = await stat(memoryFile);
    expect(entry).toMatchObject({ fileBytes: size, bytesOnDisk: blocks * 512, ramBytes: MEMORY_MIB * 1024 * 1024 });
    const manifest = entry?.manifest;
    expect(manifest?.recipe).toEqual(machine.recipe);
    expect(manifest).toMatchObject({ wasRunning: true, mode: 'paused', finishedPaused: null, memoryFileBytes: size });
    const report = await inspect(memoryFile);
    expect(manifest?.blocks).toEqual(
      report.ramBlocks.map(({ name, usedLength, pageSize, pagesTotal, pagesPresent }) => ({
        name,
        usedLength,
        pageSize,
        pagesTotal,
        pagesPresent,
      })),
    );
    expect(manifest?.ramMap[0]).toEqual({ block: 'pc.ram', blockOffset: 0, guestPhysical: 0, length: 0xa0000 });
    const image = join(services.places.resources, 'demo', 'demo.img');
    expect(manifest?.disks).toMatchObject([
      { path: image, format: 'raw', writable: false, size: (await stat(image)).size },
    ]);
    const png = await readFile(join(entry?.folder ?? '', 'screen.png'));
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    expect(services.library.screenPath(entry?.id ?? ('' as never))).toBe(join(entry?.folder ?? '', 'screen.png'));
    expect((await services.machines.get(machine.id)).lastSave?.snapshot).toBe('before the update');
  });

  test('without a flush says so, in the result and in the library', async () => {
    const { machine } = await startDemo();
    const result = resultOf(await saveAndWait(services, saveOptions(machine.id, { flush: 'none' })));
    expect(result.durable).toBe(false);
    expect((await entries())[0]?.state).toEqual({ kind: 'good', durable: false });
  });

  test('that quits ends QEMU only when the snapshot is sealed', async () => {
    const states: string[] = [];
    await services.end();
    services = await openTestServices({
      folder,
      worker,
      saveHooks: { onPhase: async (_, __, job) => void states.push((await services.machines.get(job.machine)).state) },
    });
    const { machine } = await startDemo();
    resultOf(await saveAndWait(services, saveOptions(machine.id, { after: 'quit' })));
    expect((await services.machines.get(machine.id)).state).toBe('off');
    expect(states.at(-1)).toBe('stopped-after-save');
    expect(await entries()).toHaveLength(1);
  });

  test('goes to a folder of its own with `out`: into a folder that exists, as a folder that does not', async () => {
    const { machine } = await startDemo();
    const inside = resultOf(await saveAndWait(services, saveOptions(machine.id, { out: folder, name: 'inside' })));
    expect(inside.snapshot).toBe(join(folder, 'inside'));
    const itself = resultOf(await saveAndWait(services, saveOptions(machine.id, { out: join(folder, 'itself') })));
    expect(itself.memoryFile).toBe(join(folder, 'itself', 'memory.mapped'));
    await expect(services.saves.begin(saveOptions(machine.id, { out: folder, name: 'inside' }))).rejects.toMatchObject({
      failure: { code: 'library.name-taken' },
    });
    expect(await entries()).toEqual([]);
    expect((await services.library.resolve(join(folder, 'itself'))).state).toEqual({ kind: 'good', durable: true });
  });
});

describe('a VM that was paused', () => {
  test('stays stopped after its save, whatever was wished, and refuses another until it is resumed', async () => {
    const { machine, tools } = await startDemo();
    await services.machines.pause(machine.id);
    const counter = await counterOf(tools);
    const result = resultOf(await saveAndWait(services, saveOptions(machine.id, { after: 'run', mode: 'live' })));
    expect(result.timings.pausedMs).toBe(0);
    expect((await services.machines.get(machine.id)).state).toBe('stopped-after-save');
    expect(await counterOf(tools)).toBe(counter);
    expect((await entries())[0]?.manifest?.wasRunning).toBe(false);

    const refusal = {
      failure: { code: 'save.blocked', what: "Can't migrate the vm that was paused due to previous migration" },
    };
    expect((await services.saves.outlook(machine.id)).blocked).toMatchObject(refusal.failure);
    await expect(services.saves.begin(saveOptions(machine.id))).rejects.toMatchObject(refusal);
    await services.machines.resume(machine.id);
    resultOf(await saveAndWait(services, saveOptions(machine.id)));
  });
});

describe("the VM's own migration settings", () => {
  test('are put back after a save, also those that mapped-ram does not go with', async () => {
    const { machine, tools } = await startDemo();
    await withMonitor(tools, async (monitor) => {
      const on = ['xbzrle', 'release-ram', 'pause-before-switchover', 'x-ignore-shared'];
      const capabilities = on.map((capability) => ({ capability, state: true }));
      await monitor.qmp('migrate-set-capabilities', { capabilities });
      await monitor.qmp('migrate-set-parameters', {
        'max-bandwidth': 1234567,
        'multifd-channels': 7,
        'zero-page-detection': 'none',
        'downtime-limit': 77,
      });
    });
    const before = await readVmState(tools);
    for (const mode of ['live', 'paused'] as const) {
      resultOf(await saveAndWait(services, saveOptions(machine.id, { mode, channels: 3 })));
      expect(await readVmState(tools)).toEqual(before);
    }
  });
});

describe('a live save that does not get on', () => {
  test('is finished paused after three passes, as announced', async () => {
    const { machine, tools } = await startDemo({ memoryMiB: 256, dirtyMiB: 240, dirtyMiBPerSecond: 0 });
    // QEMU would take up to 300 ms of downtime for the last pass; with 1 ms it never gets there by itself.
    await withMonitor(tools, (monitor) => monitor.qmp('migrate-set-parameters', { 'downtime-limit': 1 }));
    const before = await readVmState(tools);
    const job = await saveAndWait(services, saveOptions(machine.id, { mode: 'live' }));
    resultOf(job);
    expect(job.progress.finishingPaused).toContain('as fast as it was written over 3 passes');
    expect(job.progress.passes.length).toBeGreaterThan(3);
    expect((await entries())[0]?.manifest?.finishedPaused).toBe(job.progress.finishingPaused);
    expect(await readVmState(tools)).toEqual(before);
  });

  test('is finished paused when its time is over', async () => {
    const { machine, tools } = await startDemo({ memoryMiB: 256, dirtyMiB: 240, dirtyMiBPerSecond: 0 });
    await withMonitor(tools, (monitor) => monitor.qmp('migrate-set-parameters', { 'downtime-limit': 1 }));
    const job = await saveAndWait(services, saveOptions(machine.id, { mode: 'live', liveLimitSeconds: 0.05 }));
    resultOf(job);
    expect(job.progress.finishingPaused).toContain('limit of 0.05 s');
    expect((await readVmState(tools)).status).toBe('running');
  });
});

describe('a save with a rate limit', () => {
  test.each<[SaveOptions['engine'], SaveOptions['mode']]>([
    ['native', 'paused'],
    ['native', 'live'],
    ['channels', 'paused'],
    ['ingest', 'paused'],
  ])('by %s, %s, writes no faster, and the next one is free of it', async (engine, mode) => {
    const { machine, tools } = await startDemo({ memoryMiB: 256, dirtyMiB: 96, dirtyMiBPerSecond: 0 });
    const before = await readVmState(tools);
    const rateLimit = 64e6;
    const { bytesWritten, timings } = resultOf(
      await saveAndWait(services, saveOptions(machine.id, { engine, mode, rateLimit })),
    );
    // QEMU counts by tenths of a second, and lets a live guest's last pages go at full speed.
    expect(bytesWritten).toBeGreaterThan(96e6);
    expect(timings.writingMs).toBeGreaterThan(0.75 * (bytesWritten / rateLimit) * 1000);
    expect(await readVmState(tools)).toEqual(before);
  });
});

describe('a save that is not possible is refused before anything is changed', () => {
  /** Begins a save, and sees that it is refused and that the guest was not even stopped for it. */
  async function expectRefusal(machine: Machine, tools: string, change: Partial<SaveOptions>, failure: object) {
    const before = await readVmState(tools);
    await expect(services.saves.begin(saveOptions(machine.id, change))).rejects.toMatchObject({ failure });
    expect(await readVmState(tools)).toEqual(before);
    expect((await services.machines.get(machine.id)).saving).toBeNull();
    expect(await entries()).toEqual([]);
  }

  test('by QEMU itself with compression or TLS set on the VM; other engines do not mind', async () => {
    const { machine, tools } = await startDemo();
    const set = (parameters: object) =>
      withMonitor(tools, (monitor) => monitor.qmp('migrate-set-parameters', { ...parameters }));
    const native = { engine: 'native' } as const;
    for (const [name, value, usual] of [
      ['multifd-compression', 'zlib', 'none'],
      ['tls-creds', 'creds0', ''],
    ] as const) {
      await set({ [name]: value });
      const what = expect.stringContaining(`this VM's parameter ${name} is`) as string;
      await expectRefusal(machine, tools, native, { code: 'save.blocked', what });
      const { blocked, engines } = await services.saves.outlook(machine.id);
      expect(blocked).toBeNull();
      expect(engines.find(({ engine }) => engine === 'native')?.blocked.paused).toEqual(what);
      await set({ [name]: usual });
    }
    resultOf(await saveAndWait(services, saveOptions(machine.id, native)));
  });

  test.each([
    [
      'a device that cannot be migrated',
      ['-device', 'nvme,serial=1,drive=none0', '-drive', 'if=none,id=none0,driver=null-co,size=1M'],
      /nvme/,
    ],
    [
      'a disk that cannot be migrated',
      ['-drive', 'file=fat:rw:FOLDER,if=virtio,format=raw'],
      /does not support live migration/,
    ],
  ])('with %s, in the words of QEMU', async (_, argv, words) => {
    const machine = await startMachine(services, {
      kind: 'recipe',
      recipe: {
        name: 'blocked',
        program: 'qemu-system-x86_64',
        argv: [
          '-accel',
          'tcg',
          '-M',
          'q35',
          '-m',
          '64',
          '-nodefaults',
          ...argv.map((word) => word.replace('FOLDER', services.places.data)),
        ],
        env: {},
        cwd: '/',
      },
    });
    await expectRefusal(
      machine,
      toolsOf(machine),
      {},
      { code: 'save.blocked', what: expect.stringMatching(words) as string },
    );
    await expectRefusal(machine, toolsOf(machine), { mode: 'live' }, { code: 'save.blocked' });
  });

  test('while another save of the VM runs, and while somebody else migrates it', async () => {
    const { machine, tools } = await startDemo();
    const [first, second] = await Promise.allSettled([
      services.saves.begin(saveOptions(machine.id)),
      services.saves.begin(saveOptions(machine.id)),
    ]);
    expect(first.status).toBe('fulfilled');
    expect(second).toMatchObject({ status: 'rejected', reason: { failure: { code: 'save.blocked' } } });
    if (first.status === 'fulfilled') resultOf(await services.saves.finished(first.value.id));

    await withMonitor(tools, async (monitor) => {
      await monitor.qmp('migrate-set-parameters', { 'max-bandwidth': 1_000_000 });
      await monitor.qmp('migrate', { uri: `file:${join(folder, 'theirs')}` });
    });
    await expect(services.saves.begin(saveOptions(machine.id))).rejects.toMatchObject({
      failure: {
        code: 'save.blocked',
        what: expect.stringContaining('Another migration of this VM is under way') as string,
      },
    });
    expect((await readVmState(tools)).status).toBe('running');
  });

  test('with a bad name, a taken name, a number of channels that QEMU does not have, a folder that cannot be', async () => {
    const { machine, tools } = await startDemo();
    await expectRefusal(machine, tools, { name: '../x' }, { code: 'library.bad-name' });
    await expectRefusal(machine, tools, { channels: 0 }, { code: 'usage' });
    await expectRefusal(machine, tools, { channels: 17 }, { code: 'usage' });
    await expectRefusal(machine, tools, { liveLimitSeconds: Number.NaN }, { code: 'usage' });
    await expectRefusal(machine, tools, { out: '/proc/self/x' }, { code: 'file.no-access' });
    await expectRefusal(machine, tools, { out: join(folder, 'none', 'x') }, { code: 'file.no-access' });
    await expectRefusal(machine, tools, { out: '/dev/null' }, { code: 'file.exists' });
    resultOf(await saveAndWait(services, saveOptions(machine.id, { name: 'one' })));
    await expect(services.saves.begin(saveOptions(machine.id, { name: 'one' }))).rejects.toMatchObject({
      failure: { code: 'library.name-taken' },
    });
  });

  test('of a VM that is off', async () => {
    const machine = await services.machines.add({ kind: 'demo' });
    await expect(services.saves.begin(saveOptions(machine.id))).rejects.toMatchObject({
      failure: { code: 'machine.wrong-state' },
    });
  });
});

describe('a VM that somebody else started', () => {
  test('is saved through its socket, with file descriptors passed over it, and goes on', async () => {
    const socket = join(folder, 'theirs.sock');
    const theirs = await PlainQemu.start({
      argv: ['-M', 'pc', '-m', '64', '-qmp', `unix:${socket},server=on,wait=off`],
      folder,
    });
    try {
      const machine = await services.machines.attach(socket);
      const result = resultOf(await saveAndWait(services, saveOptions(machine.id, { mode: 'live' })));
      expect(result.directIo).toBe(true);
      expect(await theirs.status()).toBe('running');
      expect(await theirs.qmp('query-fdsets')).toEqual([]);
      await services.machines.forget(machine.id);
    } finally {
      await theirs.stop();
    }
  });
});

describe('a VM that somebody else started, saved and ended', () => {
  test('is restored from what its process told of itself', async () => {
    const socket = join(folder, 'theirs.sock');
    const { argv } = demoRecipe({ resources: RESOURCES, memoryMiB: 64, dirtyMiB: 8 });
    const theirs = await PlainQemu.start({ argv: [...argv, '-qmp', `unix:${socket},server=on,wait=off`], folder });
    try {
      await until(
        'the guest counts',
        async () => (await theirs.readMemory(demoLayout.counter, 8)).readBigUInt64LE() > 0n,
      );
      const machine = await services.machines.attach(socket);
      resultOf(await saveAndWait(services, saveOptions(machine.id, { after: 'quit', name: 'theirs' })));
      await until('their QEMU has ended', () => Promise.resolve(theirs.hasEnded()));
      const { id } = await services.library.resolve('theirs');
      const { machine: restored } = await services.restores.restore(id, {
        engine: 'auto',
        then: 'pause',
        accepted: [],
      });
      expect(await counterOf(toolsOf(restored))).toBeGreaterThan(0n);
    } finally {
      await theirs.stop();
    }
  });
});

describe('cancelling', () => {
  test('a save that has ended does nothing, and one that is unknown is a usage error', async () => {
    const { machine } = await startDemo();
    const job = await saveAndWait(services, saveOptions(machine.id));
    await services.saves.cancel(job.id);
    expect(await services.saves.jobs()).toEqual([job]);
    await expect(services.saves.cancel('none' as never)).rejects.toMatchObject({ failure: { code: 'usage' } });
  });

  test('a paused VM leaves it paused', async () => {
    const { machine, tools } = await startDemo();
    await services.machines.pause(machine.id);
    const before = await readVmState(tools);
    const { id } = await services.saves.begin(saveOptions(machine.id));
    await services.saves.cancel(id);
    const { outcome } = await services.saves.finished(id);
    expect(outcome).toMatchObject({ kind: 'cancelled', vm: 'The VM is paused, as before the save.' });
    expect(await readVmState(tools)).toEqual(before);
  });
});
