import type { Machine, MachineId } from '@shared/contracts/machines';
import { StillframeError, type Failure } from '@shared/contracts/failure';
import { spawn } from 'node:child_process';
import { mkdir, open as openFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { MachineService, Qmp } from '../../src-main/services';
import { machinesPerTest } from '../support/machine-places';
import { endProcess, hasEnded, isAlive } from '../support/processes';
import { tempDirPerTest } from '../support/temp';
import { lookUntil } from '../support/look-until';

const folder = tempDirPerTest();
const { places, open } = machinesPerTest(folder);
const STOPPED = 'qemu-system-x86_64 -accel tcg -S -M q35 -m 32 -nodefaults';

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const error: unknown = await work.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (error instanceof StillframeError) return error.failure;
  throw error;
}

async function startDemo(machines: MachineService): Promise<Machine> {
  const { id } = await machines.add({ kind: 'demo', memoryMiB: 64, dirtyMiB: 1 });
  return machines.start(id);
}

async function startStopped(machines: MachineService, more = ''): Promise<Machine> {
  const { id } = await machines.add({
    kind: 'command-line',
    name: 'vm',
    commandLine: `${STOPPED} ${more}`,
    cwd: folder(),
  });
  return machines.start(id);
}

/** Saves with QEMU's plain stream, and waits. */
async function saveTo(qmp: Qmp, path: string): Promise<void> {
  await qmp.execute('migrate', { uri: `file:${path}` });
  await lookUntil(
    async () => (await qmp.execute('query-migrate')) as { status: string },
    ({ status }) => status === 'completed',
  );
}

const runFolders = (): Promise<string[]> => readdir(places().run);

describe('A machine that Stillframe starts', () => {
  test('runs, tells its facts, pauses, resumes and powers off without leaving anything behind', async () => {
    const machines = await open();
    const { id } = await machines.add({ kind: 'demo', memoryMiB: 64, dirtyMiB: 1 });
    const started = await machines.start(id);
    expect(started).toMatchObject({
      name: 'stillframe-demo',
      state: 'running',
      origin: 'started',
      trouble: null,
      facts: {
        qemuVersion: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string,
        machineType: expect.stringMatching(/^pc-q35-\d+\.\d+$/) as string,
        accelerator: 'tcg',
        cpuModel: 'qemu64',
        cpus: 1,
        memoryBytes: 64 * 1024 * 1024,
        hasDisplay: true,
        saveBlocked: null,
      },
    });
    expect((await stat(join(places().run, id))).mode & 0o777).toBe(0o700);
    expect((await machines.pause(id)).state).toBe('paused');
    expect((await machines.pause(id)).state).toBe('paused');
    expect((await machines.resume(id)).state).toBe('running');
    const off = await machines.powerOff(id);
    expect(off).toMatchObject({ state: 'off', pid: null, qmp: null, trouble: null });
    expect(off.facts?.machineType).toBe(started.facts?.machineType);
    expect(await isAlive(started.pid ?? 0)).toBe(false);
    expect(await runFolders()).toEqual([]);
  });

  test('can be started again at once after it was powered off', async () => {
    const machines = await open();
    const { id, pid } = await startStopped(machines);
    await machines.powerOff(id);
    const again = await machines.start(id);
    expect(again.state).toBe('paused');
    expect(again.pid).not.toBe(pid);
  });

  test('keeps its two QMP sockets apart: one is Stillframe’s, one is for other tools', async () => {
    const machines = await open();
    const { id, qmp, toolsQmp } = await startStopped(machines);
    const { connectQmp } = await import('../../src-main/qemu/qmp');
    expect((await failureOf(connectQmp(qmp ?? '', { greetingMs: 100 }))).code).toBe('qemu.monitor-busy');
    const tool = await connectQmp(toolsQmp ?? '');
    await tool.execute('cont');
    tool.close();
    expect(
      (
        await lookUntil(
          () => machines.get(id),
          ({ state }) => state === 'running',
        )
      ).state,
    ).toBe('running');
  });

  test('has its own environment and folder', async () => {
    const machines = await open();
    await mkdir(join(folder(), 'its'));
    const { id } = await machines.add({
      kind: 'recipe',
      recipe: {
        name: 'vm',
        program: 'qemu-system-x86_64',
        argv: STOPPED.split(' ').slice(1),
        env: { STILLFRAME_TEST: 'yes, it is' },
        cwd: join(folder(), 'its'),
      },
    });
    const { pid } = await machines.start(id);
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
    expect(environment.split('\0')).toContain('STILLFRAME_TEST=yes, it is');
    await (await machines.qmp(id)).execute('pmemsave', { val: 0, size: 4096, filename: 'here.bin' });
    expect((await stat(join(folder(), 'its', 'here.bin'))).size).toBe(4096);
  });

  test('whose run folder’s path is too long for sockets gets them in a short private folder, removed in the end', async () => {
    const { createMachineService } = await import('../../src-main/machines/index');
    const run = join(folder(), 'r'.repeat(90));
    const machines = await createMachineService({ ...places(), run });
    try {
      const { id, qmp, pid } = await startStopped(machines);
      const short = join(qmp ?? '', '..');
      expect(short).toMatch(/^\/tmp\/stillframe-sockets-\w+$/);
      expect((await stat(short)).mode & 0o777).toBe(0o700);
      await machines.powerOff(id);
      expect(await isAlive(pid ?? 0)).toBe(false);
      await expect(stat(short)).rejects.toThrow('ENOENT');
      expect(await readdir(run)).toEqual([]);
    } finally {
      for (const machine of await machines.list()) if (machine.pid !== null) await machines.powerOff(machine.id);
      await machines.dispose();
    }
  });
});

describe('A QEMU that does not start', () => {
  test.each([
    ['an unknown machine type', 'qemu-system-x86_64 -M nonsense', 'qemu.did-not-start', 'unsupported machine type'],
    ['a disk that is not there', 'qemu-system-x86_64 -accel tcg -hda nothing.img', 'qemu.did-not-start', 'nothing.img'],
    ['a program that is not there', 'qemu-system-none -m 1', 'qemu.not-found', 'qemu-system-none'],
    ['a program that is no QEMU', '/bin/true -m 1', 'qemu.did-not-start', 'exit code 0'],
  ])('because of %s says so and leaves nothing', async (_name, commandLine, code, says) => {
    const machines = await open();
    const { id } = await machines.add({ kind: 'command-line', name: 'vm', commandLine, cwd: folder() });
    const failure = await failureOf(machines.start(id));
    expect(failure).toMatchObject({ code, what: expect.stringContaining(says) as string });
    expect(await machines.get(id)).toMatchObject({ state: 'off', pid: null, trouble: { code } });
    expect(await runFolders()).toEqual([]);
  });

  test('hands on what it wrote to stderr', async () => {
    const machines = await open();
    const { id } = await machines.add({
      kind: 'command-line',
      name: 'vm',
      commandLine: 'qemu-system-x86_64 -M nonsense',
      cwd: null,
    });
    expect((await failureOf(machines.start(id))).detail).toContain('-machine help');
  });

  test('because its folder is gone is a bad recipe', async () => {
    const machines = await open();
    const { id } = await machines.add({
      kind: 'command-line',
      name: 'vm',
      commandLine: STOPPED,
      cwd: join(folder(), 'gone'),
    });
    expect((await failureOf(machines.start(id))).code).toBe('machine.bad-recipe');
    expect(await runFolders()).toEqual([]);
  });
});

describe('Several Stillframes', () => {
  test('find a running VM again after the one that started it has ended', async () => {
    const first = await open();
    const started = await startDemo(first);
    await first.dispose();
    expect(await isAlive(started.pid ?? 0)).toBe(true);
    const second = await open();
    const [found] = await second.list();
    expect(found).toMatchObject({
      id: started.id,
      name: started.name,
      pid: started.pid,
      state: 'running',
      trouble: null,
    });
    expect(found?.facts).toEqual(started.facts);
    expect((await second.powerOff(started.id)).state).toBe('off');
    expect(await runFolders()).toEqual([]);
  });

  test('see one VM at the same time, each on a socket of its own, and what the other does to it', async () => {
    const app = await open();
    const cli = await open();
    const { id } = await startStopped(app);
    const begin = performance.now();
    expect((await cli.list())[0]).toMatchObject({ id, state: 'paused', trouble: null });
    // It took the free socket at once instead of waiting for the held one.
    expect(performance.now() - begin).toBeLessThan(1_500);
    await cli.resume(id);
    await lookUntil(
      () => app.get(id),
      ({ state }) => state === 'running',
    );
    await cli.powerOff(id);
    expect(
      await lookUntil(
        () => app.get(id),
        ({ state }) => state === 'off',
      ),
    ).toMatchObject({ trouble: null });
    expect(await runFolders()).toEqual([]);
  });

  test('say so when both sockets of a VM are held', async () => {
    const [first, second, third] = [await open(), await open(), await open()];
    const { id } = await startStopped(first);
    await second.list();
    const lost = (await third.list()).find((machine) => machine.id === id);
    expect(lost).toMatchObject({ state: 'lost', trouble: { code: 'qemu.monitor-busy' } });
    expect((await failureOf(third.pause(id))).code).toBe('qemu.monitor-busy');
    await second.dispose();
    await lookUntil(
      () => third.get(id),
      ({ state }) => state === 'paused',
    );
  });

  test('start a machine once when both are asked at the same moment', async () => {
    const [first, second] = [await open(), await open()];
    const { id } = await first.add({ kind: 'command-line', name: 'vm', commandLine: STOPPED, cwd: folder() });
    await second.list();
    const results = await Promise.allSettled([first.start(id), second.start(id)]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const rejected = results.find((result) => result.status === 'rejected');
    expect((rejected?.reason as StillframeError).failure.code).toBe('machine.wrong-state');
    const [one, other] = await Promise.all([first.get(id), second.list().then(([machine]) => machine)]);
    expect(one.state).toBe('paused');
    expect(other).toMatchObject({ pid: one.pid, state: 'paused' });
  });

  test('share what is known: added, renamed apart and forgotten', async () => {
    const [first, second] = [await open(), await open()];
    const demo = await first.add({ kind: 'demo', memoryMiB: 64 });
    expect((await first.add({ kind: 'demo', memoryMiB: 64 })).id).toBe(demo.id);
    const larger = await second.add({ kind: 'demo', memoryMiB: 128 });
    expect(larger.name).toBe('stillframe-demo 2');
    expect((await first.list()).map(({ name }) => name)).toEqual(['stillframe-demo', 'stillframe-demo 2']);
    await first.forget(demo.id);
    expect((await second.list()).map(({ name }) => name)).toEqual(['stillframe-demo 2']);
    expect((await failureOf(second.get(demo.id))).code).toBe('machine.unknown');
    expect(await readdir(join(places().data, 'machines'))).toEqual([`${larger.id}.json`]);
  });

  test('do not take a later process for the VM whose pid it got', async () => {
    const first = await open();
    const { id, pid } = await startStopped(first);
    await first.dispose();
    const bystander = spawn('sleep', ['60'], { stdio: 'ignore' });
    try {
      const path = join(places().run, id, 'vm.json');
      const record = JSON.parse(await readFile(path, 'utf8')) as { vm: { pid: number } };
      await endProcess(pid ?? 0, 0);
      record.vm.pid = bystander.pid ?? 0;
      await writeFile(path, JSON.stringify(record));
      const second = await open();
      expect(await second.get(id)).toMatchObject({ state: 'off', pid: null });
      expect((await failureOf(second.powerOff(id))).code).toBe('machine.wrong-state');
      expect(await isAlive(bystander.pid ?? 0)).toBe(true);
    } finally {
      bystander.kill('SIGKILL');
    }
  });

  test('are not held up by files in their folders that are not theirs', async () => {
    const machines = await open();
    await writeFile(join(places().data, 'machines', 'notes.txt'), 'mine');
    await writeFile(join(places().data, 'machines', 'aaaaaaaa.json'), '{"version": 1, "id": "../../etc"}');
    await writeFile(join(places().data, 'machines', 'bbbbbbbb.json'), '{');
    await mkdir(join(places().run, 'cccccccccccc'));
    await writeFile(join(places().run, 'cccccccccccc', 'vm.json'), '{"version": 1, "vm": {"pid": "1"}}');
    expect(await machines.list()).toEqual([]);
    expect((await readdir(join(places().data, 'machines'))).sort()).toEqual([
      'aaaaaaaa.json',
      'bbbbbbbb.json',
      'notes.txt',
    ]);
  });
});

describe('A VM that ends by itself', () => {
  test('is off with its trouble when its QEMU was killed, also for the next Stillframe', async () => {
    const machines = await open();
    const { id, pid } = await startStopped(machines);
    const seen: Machine[] = [];
    machines.onChange((list) => seen.push(...list));
    process.kill(pid ?? 0, 'SIGKILL');
    const off = await lookUntil(
      () => machines.get(id),
      ({ state }) => state === 'off',
    );
    expect(off.trouble).toMatchObject({ code: 'qemu.gone', what: expect.stringContaining('ended') as string });
    await lookUntil(
      () => seen,
      (list) => list.at(-1)?.state === 'off',
    );
    expect(await runFolders()).toEqual([]);
    await machines.dispose();
    const next = await open();
    expect((await next.get(id)).trouble).toEqual(off.trouble);
    expect(await next.start(id)).toMatchObject({ state: 'paused', trouble: null });
  });

  test('is off without trouble when it was told to end', async () => {
    const machines = await open();
    const { id, toolsQmp } = await startStopped(machines);
    const { connectQmp } = await import('../../src-main/qemu/qmp');
    const tool = await connectQmp(toolsQmp ?? '');
    await tool.execute('quit');
    expect(
      await lookUntil(
        () => machines.get(id),
        ({ state }) => state === 'off',
      ),
    ).toMatchObject({ trouble: null });
  });

  test('while no Stillframe runs is off and cleaned up by the next one', async () => {
    const first = await open();
    const { id, pid } = await startStopped(first);
    await first.dispose();
    await endProcess(pid ?? 0, 0);
    const second = await open();
    expect(await second.get(id)).toMatchObject({ state: 'off', pid: null, qmp: null });
    expect(await runFolders()).toEqual([]);
  });
});

describe('A machine that is being saved', () => {
  test('refuses everything else until the save has ended, but its own end', async () => {
    const machines = await open();
    const { id } = await startStopped(machines);
    machines.setSaving(id, 'job' as never);
    expect((await machines.get(id)).saving).toBe('job');
    for (const action of ['pause', 'resume', 'powerOff', 'start', 'forget'] as const) {
      expect(await failureOf(machines[action](id))).toMatchObject({
        code: 'machine.wrong-state',
        what: 'vm is being saved',
      });
    }
    expect(await (await machines.qmp(id)).execute('query-name')).toEqual({});
    await machines.quit(id);
    machines.setSaving(id, null);
    expect(await machines.get(id)).toMatchObject({ state: 'off', saving: null, trouble: null });
  });

  test('is stopped after the save in a state of its own, and is saved again only when resumed', async () => {
    const machines = await open();
    const { id } = await startDemo(machines);
    await saveTo(await machines.qmp(id), join(folder(), 'vm.save'));
    const stopped = await lookUntil(
      () => machines.get(id),
      ({ state }) => state === 'stopped-after-save',
    );
    expect(stopped.trouble).toBeNull();
    expect((await machines.facts(id)).saveBlocked).toContain('paused due to previous migration');
    expect((await machines.resume(id)).state).toBe('running');
    expect((await machines.facts(id)).saveBlocked).toBeNull();
  });

  test('by another program is neither paused nor resumed under it', async () => {
    const machines = await open();
    const { id } = await startDemo(machines);
    const qmp = await machines.qmp(id);
    await qmp.execute('migrate-set-parameters', { 'max-bandwidth': 4096 });
    await qmp.execute('migrate', { uri: `file:${join(folder(), 'slow')}` });
    await lookUntil(
      async () => (await qmp.execute('query-migrate')) as { status: string },
      ({ status }) => status === 'active',
    );
    expect(await failureOf(machines.pause(id))).toMatchObject({
      code: 'machine.wrong-state',
      what: expect.stringContaining('Another program') as string,
    });
    expect((await machines.facts(id)).saveBlocked).toContain('under way');
    await qmp.execute('migrate_cancel');
    await lookUntil(
      async () => (await machines.facts(id)).saveBlocked,
      (blocked) => blocked === null,
    );
    expect((await machines.pause(id)).state).toBe('paused');
  });
});

describe('What blocks a save is told in QEMU’s words', () => {
  test('for a device that cannot be migrated', async () => {
    const machines = await open();
    await mkdir(join(folder(), 'fat'));
    const { facts } = await startStopped(
      machines,
      `-drive file=fat:rw:${join(folder(), 'fat')},if=none,id=f,format=raw`,
    );
    expect(facts?.saveBlocked).toMatch(/does not support live migration/);
  });

  test('but not for multifd compression, which only one engine minds', async () => {
    const machines = await open();
    const { id } = await startStopped(machines);
    await (await machines.qmp(id)).execute('migrate-set-parameters', { 'multifd-compression': 'zlib' });
    expect((await machines.facts(id)).saveBlocked).toBeNull();
  });
});

describe('A VM that waits for a snapshot', () => {
  const incoming = async (
    machines: MachineService,
    id: MachineId,
    options: Partial<Parameters<MachineService['launchIncoming']>[0]> = {},
  ) => {
    const { recipe } = await machines.get(id);
    if (recipe === null) throw new Error('no recipe');
    return machines.launchIncoming({ recipe, inherit: [], extraArgv: [], ...options });
  };

  test('loads it and is adopted as the machine that it was', async () => {
    const machines = await open();
    const { id, pid } = await startDemo(machines);
    await saveTo(await machines.qmp(id), join(folder(), 'vm.save'));
    await machines.powerOff(id);
    const loading = await incoming(machines, id);
    expect(await loading.qmp.execute('query-status')).toMatchObject({ status: 'inmigrate' });
    expect((await machines.get(id)).state).toBe('starting');
    expect((await failureOf(machines.start(id))).code).toBe('machine.wrong-state');
    await loading.qmp.execute('migrate-incoming', { uri: `file:${join(folder(), 'vm.save')}` });
    await lookUntil(
      async () => (await loading.qmp.execute('query-status')) as { status: string },
      ({ status }) => status !== 'inmigrate',
    );
    const adopted = await loading.adopt();
    expect(adopted).toMatchObject({ id, state: 'paused', name: 'stillframe-demo', pid: loading.process.pid });
    expect(adopted.pid).not.toBe(pid);
    expect((await machines.resume(id)).state).toBe('running');
    await machines.dispose();
    const [found] = await (await open()).list();
    expect(found).toMatchObject({ id, state: 'running', pid: adopted.pid });
  });

  test('is the machine that it was also when the recipe names the version of its machine type', async () => {
    const machines = await open();
    const { id, recipe, facts } = await startStopped(machines);
    await machines.powerOff(id);
    if (recipe === null || facts === null) throw new Error('nothing is known of it');
    const argv = recipe.argv.map((word) => (word === 'q35' ? facts.machineType : word));
    const loading = await machines.launchIncoming({ recipe: { ...recipe, argv }, inherit: [], extraArgv: [] });
    const adopted = await loading.adopt();
    expect(adopted).toMatchObject({ id, name: 'vm', state: 'starting', recipe });
    expect(await machines.list()).toHaveLength(1);
  });

  test('beside the running original is a machine of its own', async () => {
    const machines = await open();
    const { id } = await startStopped(machines);
    await saveTo(await machines.qmp(id), join(folder(), 'vm.save'));
    const loading = await incoming(machines, id);
    expect(await machines.list()).toHaveLength(1);
    await loading.qmp.execute('migrate-incoming', { uri: `file:${join(folder(), 'vm.save')}` });
    await lookUntil(
      async () => (await loading.qmp.execute('query-status')) as { status: string },
      ({ status }) => status !== 'inmigrate',
    );
    const clone = await loading.adopt();
    expect(clone.name).toBe('vm 2');
    expect((await machines.list()).map(({ name, state }) => `${name}: ${state}`)).toEqual([
      'vm: stopped-after-save',
      'vm 2: paused',
    ]);
  });

  test('inherits files, and is told the number of each', async () => {
    const machines = await open();
    const { id } = await machines.add({ kind: 'command-line', name: 'vm', commandLine: STOPPED, cwd: folder() });
    const files = await Promise.all(['a', 'b'].map((name) => openFile(join(folder(), name), 'w')));
    const inherit = files.map(({ fd }, index) => ({
      fd,
      argv: (number: number) => ['-add-fd', `fd=${number},set=7,opaque=${index === 0 ? 'a' : 'b'}`],
    }));
    const loading = await incoming(machines, id, { inherit });
    try {
      const [set] = (await loading.qmp.execute('query-fdsets')) as unknown as [
        { fds: { fd: number; opaque: string }[] },
      ];
      const inherited = new Map(set.fds.map(({ fd, opaque }) => [opaque, fd]));
      for (const [index, name] of ['a', 'b'].entries()) {
        const there = await stat(`/proc/${loading.process.pid}/fd/${inherited.get(name) ?? -1}`);
        expect(there.ino).toBe((await files[index]?.stat())?.ino);
      }
    } finally {
      await loading.abandon();
      await Promise.all(files.map((file) => file.close()));
    }
  });

  test('leaves nothing when it is abandoned', async () => {
    const machines = await open();
    const { id } = await machines.add({ kind: 'command-line', name: 'vm', commandLine: STOPPED, cwd: folder() });
    const loading = await incoming(machines, id);
    await loading.abandon();
    expect(await isAlive(loading.process.pid)).toBe(false);
    expect(await runFolders()).toEqual([]);
    expect(await machines.get(id)).toMatchObject({ state: 'off', trouble: null });
    expect((await machines.start(id)).state).toBe('paused');
  });

  test('tells by its stderr why a load failed, and can be abandoned although it has ended', async () => {
    const machines = await open();
    const { id } = await machines.add({ kind: 'command-line', name: 'vm', commandLine: STOPPED, cwd: folder() });
    await writeFile(join(folder(), 'junk'), 'this is no migration stream');
    const loading = await incoming(machines, id);
    await loading.qmp.execute('migrate-incoming', { uri: `file:${join(folder(), 'junk')}` }).catch(() => undefined);
    expect(await loading.process.ended).toMatchObject({ code: 1 });
    expect(await loading.process.stderr()).toContain('Not a migration stream');
    await loading.abandon();
    expect(await runFolders()).toEqual([]);
  });

  test('is ended by the next Stillframe when the one that started it did not live to adopt it', async () => {
    const first = await open();
    const { id } = await first.add({ kind: 'command-line', name: 'vm', commandLine: STOPPED, cwd: folder() });
    const loading = await incoming(first, id);
    const path = join(places().run, id, 'vm.json');
    const record = JSON.parse(await readFile(path, 'utf8')) as { owner: { startTicks: number } };
    // As if this process were a later one with the same pid.
    record.owner.startTicks += 1;
    await writeFile(path, JSON.stringify(record));
    const second = await open();
    expect(await hasEnded(loading.process.pid, 5_000)).toBe(true);
    expect(await second.get(id)).toMatchObject({ state: 'off' });
    expect(await runFolders()).toEqual([]);
  });
});
