import { open, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { demoLayout, demoRecipe } from '../../src-main/machines/demo';
import type { MachineService } from '../../src-main/services';
import { createInspectors } from '../../src-main/shell/inspectors';
import { inspectOnce } from '../../src-main/snapshots/library/inspect-once';
import { load } from '../../src-main/snapshots/restore/load';
import type { LoadPlan } from '../../src-main/snapshots/restore/loader';
import { StillframeError, type Failure } from '../../src-shared/contracts/failure';
import type { Recipe } from '../../src-shared/contracts/machines';
import { cliPerTest } from '../support/cli';
import { PlainQemu } from '../support/plain-qemu';
import { isAlive } from '../support/processes';
import { buildWorker, openTestServices, RESOURCES, type BuiltWorker, type TestServices } from '../support/services';
import { buildLibvirtHeader } from '../support/stream-builder';
import { makeTempDir, removeTempDir } from '../support/temp';
import { until } from '../support/until';

/** Further than a stream is looked for. */
const FAR = 80 * 1024 * 1024;
const none = { engine: 'auto', then: null, accepted: [] } as const;
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

const recipe = (): Recipe => demoRecipe({ resources: RESOURCES, memoryMiB: 64, dirtyMiB: 16, dirtyMiBPerSecond: 256 });

/** Has plain QEMU save a demo guest that counts already; answers the counter as it was then. */
async function saveTheirs(uri: string): Promise<bigint> {
  const vm = await PlainQemu.start({ argv: recipe().argv, folder });
  try {
    const counter = async (): Promise<bigint> => (await vm.readMemory(demoLayout.counter, 8)).readBigUInt64LE();
    await until('the guest counts', async () => (await counter()) > 0n);
    await vm.save(uri, { mappedRam: true, channels: 2 });
    return await counter();
  } finally {
    await vm.stop();
  }
}

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof StillframeError)) throw new Error(`it did not fail as it should: ${String(error)}`);
  return error.failure;
}

describe('a stream further into a file than it is looked for', () => {
  test('is imported and restored from where the person says, and each place is an import of its own', async () => {
    const file = join(folder, 'far.img');
    await saveTheirs(`file:${file},offset=80M`);
    const imported = await services.library.importFile(`${file},offset=80M`);
    expect(imported).toMatchObject({ memoryFile: file, streamOffset: FAR });
    expect((await services.library.importFile(`${file},offset=0x5000000`)).id).toBe(imported.id);
    expect((await failureOf(services.library.importFile(file))).code).toBe('format.not-a-stream');
    expect((await failureOf(services.library.importFile(`${file},offset=9007199254740992`))).code).toBe('usage');

    const { findings } = await services.restores.preflight(imported.id);
    expect(findings[0]).toMatchObject({ code: 'file', level: 'ok' });
    expect(findings[1]?.text).toContain(`${file},offset=${String(FAR)}`);
    const { machine } = await services.restores.restoreEntry(imported, none, recipe());
    expect(machine.state).toBe('running');

    // The very same stream again, where it is found by itself: another import, although of the same file.
    const copy = join(folder, 'near.img');
    await saveTheirs(`file:${copy},offset=1M`);
    const found = await services.library.importFile(copy);
    const told = await services.library.importFile(`${copy},offset=1M`);
    expect(found).toMatchObject({ memoryFile: copy, streamOffset: null });
    expect(told).toMatchObject({ memoryFile: copy, streamOffset: 1024 * 1024 });
    expect(told.id).not.toBe(found.id);
  });

  test('is opened by the inspector from there, by path and as an import', async () => {
    const file = join(folder, 'far.img');
    await saveTheirs(`file:${file},offset=80M`);
    const { id } = await services.library.importFile(`${file},offset=80M`);
    const lent: (number | null)[] = [];
    const inspectors = createInspectors<object>({
      services,
      takeWorker: async () => ({
        ...(await services.workers.take('inspect')),
        serveInspector: (_, { lease }) => lent.push(lease.streamOffset),
        introduceInspector: () => undefined,
      }),
      makeChannel: () => ({ port1: {}, port2: {} }),
      sendPorts: () => undefined,
      onEnded: () => undefined,
    });
    try {
      const session = await inspectors.open({ path: `${file},offset=80M` });
      const reference = `${file},offset=${String(FAR)}`;
      expect(session).toMatchObject({ path: file, reference, name: 'far.img', snapshot: null });
      await inspectors.open({ snapshot: id });
      expect(lent).toEqual([FAR, FAR]);
      expect((await failureOf(inspectors.open({ path: `${file},offset=much` }))).code).toBe('usage');
    } finally {
      await inspectors.closeAll();
    }
  });
});

describe('the command', () => {
  const desk = cliPerTest();

  test('restores FILE,offset=SIZE with a recipe', async () => {
    const file = join(folder, 'far.img');
    await saveTheirs(`file:${file},offset=80M`);
    const recipeFile = join(folder, 'recipe.json');
    await writeFile(recipeFile, JSON.stringify(recipe()));
    const lost = await desk().run('restore', file, '--recipe', recipeFile);
    expect(lost.code).not.toBe(0);
    const wrong = await desk().run('restore', `${file},offset=1e3`, '--recipe', recipeFile);
    expect(wrong.stderr).toContain('The offset "1e3"');
    const { code, stderr, json } = await desk().run(
      ...['restore', `${file},offset=80M`, '--recipe', recipeFile, '--paused', '--json'],
    );
    expect(code, stderr).toBe(0);
    expect(json()).toMatchObject({ state: 'paused' });
  });
});

describe('a libvirt image', () => {
  test.each([
    { wasRunning: true, state: 'running' },
    { wasRunning: false, state: 'paused' },
  ])('whose header says was running: $wasRunning comes back $state', async ({ wasRunning, state }) => {
    const file = join(folder, 'libvirt.save');
    const header = buildLibvirtHeader({ running: wasRunning });
    await saveTheirs(`file:${file},offset=${String(header.length)}`);
    const handle = await open(file, 'r+');
    await handle.write(header, 0, header.length, 0);
    await handle.close();
    const entry = await services.library.resolve(file);
    const { machine } = await services.restores.restoreEntry(entry, none, recipe());
    expect(machine.state).toBe(state);
    await services.machines.powerOff(machine.id);
    const { machine: told } = await services.restores.restoreEntry(
      entry,
      { engine: 'auto', then: 'pause', accepted: [] },
      recipe(),
    );
    expect(told.state).toBe('paused');
    expect(Object.keys((await inspectOnce(services, file, null)).container)).toEqual(['kind', 'streamOffset']);
  });
});

describe('a load', () => {
  async function planFor(memoryFile: string): Promise<LoadPlan> {
    const { ramBlocks, container } = await inspectOnce(services, memoryFile, null);
    const { streamOffset } = container;
    return {
      engine: 'native',
      recipe: recipe(),
      memoryFile,
      streamOffset,
      mappedRam: { channels: 2 },
      blocks: ramBlocks,
      run: true,
    };
  }

  test('whose QEMU stops getting on is ended after its time, and the file is as it was', async () => {
    const file = join(folder, 'theirs.img');
    await saveTheirs(`file:${file}`);
    const before = await readFile(file);
    let pid = 0;
    // The real thing, but QEMU is stopped as soon as it has been told to load.
    const machines = Object.assign(Object.create(services.machines) as MachineService, {
      launchIncoming: async (options: Parameters<MachineService['launchIncoming']>[0]) => {
        const started = await services.machines.launchIncoming(options);
        ({ pid } = started.process);
        const execute: typeof started.qmp.execute = async (command, ...more) => {
          const answer = await started.qmp.execute(command, ...more);
          if (command === 'migrate-incoming') process.kill(pid, 'SIGSTOP');
          return answer;
        };
        return { ...started, qmp: Object.assign(Object.create(started.qmp) as typeof started.qmp, { execute }) };
      },
    });
    const begun = performance.now();
    const failure = await failureOf(load({ ...services, machines }, await planFor(file), 1500));
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(failure).toMatchObject({ code: 'restore.failed', where: { path: file } });
    expect(failure.what).toMatch(/^QEMU has read nothing for 2 s/);
    expect(pid).toBeGreaterThan(0);
    expect(await isAlive(pid)).toBe(false);
    expect((await readFile(file)).equals(before)).toBe(true);
    expect(await readdir(join(folder, 'run'))).toEqual([]);
  });

  test('of a file that went away says so as the file that it is', async () => {
    const file = join(folder, 'theirs.img');
    await saveTheirs(`file:${file}`);
    const plan = await planFor(file);
    await rename(file, `${file}.away`);
    expect(await failureOf(load(services, plan))).toMatchObject({
      code: 'file.not-found',
      where: { path: file },
      todo: 'Check the path.',
    });
    expect(await readdir(join(folder, 'run'))).toEqual([]);
  });
});
