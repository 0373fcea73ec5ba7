import type { Machine } from '@shared/contracts/machines';
import { StillframeError, type Failure } from '@shared/contracts/failure';
import { randomBytes } from 'node:crypto';
import { chmod, readFile, readdir, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openRamFile, readRamFiles, type BlockMemory } from '../../src-main/qemu/ram-files';
import { readRamBlocks } from '../../src-main/qemu/ram-map';
import type { MachineService } from '../../src-main/services';
import { machinesPerTest } from '../support/machine-places';
import { oldQemu } from '../support/old-qemu';
import { PlainQemu } from '../support/plain-qemu';
import { tempDirPerTest } from '../support/temp';

const MIB = 1024 * 1024;
const folder = tempDirPerTest();
const { open } = machinesPerTest(folder);
const PROGRAM = 'qemu-system-x86_64';

async function start(machines: MachineService, argv: string, program = PROGRAM): Promise<Machine> {
  const recipe = { name: 'vm', program, argv: `-accel tcg -S -nodefaults ${argv}`.split(' '), env: {}, cwd: folder() };
  return machines.start((await machines.add({ kind: 'recipe', recipe })).id);
}

async function memoryOf(machines: MachineService, { id, pid }: Machine, name: string): Promise<BlockMemory> {
  const found = (await readRamFiles(await machines.qmp(id), pid)).find((block) => block.name === name);
  if (found === undefined) throw new Error(`there is no block ${name}`);
  return found;
}

async function readGuest(machines: MachineService, { id }: Machine, address: number): Promise<Buffer> {
  const path = join(folder(), 'pmem');
  await (await machines.qmp(id)).execute('pmemsave', { val: address, size: 64, filename: path });
  return readFile(path);
}

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const error: unknown = await work.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (error instanceof StillframeError) return error.failure;
  throw error;
}

/** Whoever holds memory of ours in this process. */
async function ownMemoryFiles(): Promise<number> {
  const names = await readdir('/proc/self/fd');
  const links = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')));
  return links.filter((link) => link.includes('stillframe-ram')).length;
}

describe('A VM that Stillframe starts', () => {
  test('shares its memory, which a later Stillframe finds again, and its recipe stays as it was', async () => {
    const first = await open();
    const machine = await start(first, '-M q35 -m 64');
    expect(machine.privateRam).toBeNull();
    expect(machine.recipe?.argv.join(' ')).toBe('-accel tcg -S -nodefaults -M q35 -m 64');
    expect(await ownMemoryFiles()).toBe(0);
    await first.dispose();

    const later = await open();
    const found = await later.get(machine.id);
    expect(found).toMatchObject({ pid: machine.pid, privateRam: null });
    const { shared, usedLength } = await memoryOf(later, found, 'pc.ram');
    if (shared === null) throw new Error('pc.ram is not shared');
    expect([usedLength, shared.offset]).toEqual([64 * MIB, 0]);
    const file = await openRamFile(shared, 'r+');
    const nonce = randomBytes(64);
    await file.write(nonce, 0, 64, 33 * MIB);
    await file.close();
    expect(await readGuest(later, found, 33 * MIB)).toEqual(nonce);
  });

  test.each([
    ['-M q35 -m 64', null],
    ['-M pc -m 64', null],
    ['-M pc-q35-3.1 -m 64', null],
    ['-M pc-i440fx-3.1 -m 64', null],
    ['-M microvm -m 64', null],
    ['-M q35 -m 64,slots=2,maxmem=1G -object memory-backend-ram,id=d,size=128M -device pc-dimm,memdev=d', null],
    ['-M q35 -m 64 -mem-prealloc', null],
    ['-M q35 -m 64M -object memory-backend-ram,id=r,size=64M -machine memory-backend=r', /\(memory-backend\)/],
    ['-M q35 -m 64 -object memory-backend-ram,id=a,size=64M -numa node,memdev=a', /NUMA/],
    ['-M q35', /how much memory/],
  ])('has its blocks by the names that QEMU gives them: %s', async (argv, privateRam) => {
    const machines = await open();
    const machine = await start(machines, argv);
    const names = (await readRamBlocks(await machines.qmp(machine.id))).map(({ name, usedLength }) => [
      name,
      usedLength,
    ]);
    const plain = await PlainQemu.start({ argv: ['-S', ...argv.split(' ')], folder: folder() });
    try {
      const text = await plain.qmp<string>('human-monitor-command', { 'command-line': 'info ramblock' });
      for (const [name] of names) expect(text).toContain(` ${String(name)} `);
      expect(text.trim().split('\n')).toHaveLength(names.length + 1);
    } finally {
      await plain.stop();
    }
    if (privateRam === null) expect(machine.privateRam).toBeNull();
    else expect(machine.privateRam).toMatch(privateRam);
  });

  test.each(['pc', 'q35', 'pc-q35-3.1', 'pc-i440fx-3.1'])('shares its memory by QEMU 7.2 too: %s', async (type) => {
    const machines = await open();
    const machine = await start(machines, `-M ${type} -m 64`, (await oldQemu()).program);
    expect(machine).toMatchObject({ privateRam: null, facts: { saveBlocked: null } });
    expect((await memoryOf(machines, machine, 'pc.ram')).shared).not.toBeNull();
  });

  test('starts with its own memory when QEMU does not take shared memory, and says what QEMU said', async () => {
    const program = join(folder(), 'qemu-system-x86_64');
    const script = `#!/bin/sh\ncase "$*" in *memory-backend-file*) echo "$0: no files today" >&2; exit 1;; esac\nexec ${PROGRAM} "$@"\n`;
    await writeFile(program, script);
    await chmod(program, 0o755);
    const machines = await open();
    const machine = await start(machines, '-M q35 -m 64', program);
    expect(machine.state).toBe('paused');
    expect(machine.privateRam).toBe('QEMU did not take shared memory: QEMU did not start: no files today');
    expect(await ownMemoryFiles()).toBe(0);
    await machines.dispose();
    expect((await (await open()).get(machine.id)).privateRam).toBe(machine.privateRam);
  });

  test('by a program of another name is not asked anything first, and has its own memory', async () => {
    const program = join(folder(), 'my-vm');
    await writeFile(program, `#!/bin/sh\necho started >> ${join(folder(), 'starts')}\nexec ${PROGRAM} "$@"\n`);
    await chmod(program, 0o755);
    const machines = await open();
    const machine = await start(machines, '-M q35 -m 64', program);
    expect(machine.privateRam).toMatch(/my-vm has another name than QEMU/);
    expect(await readFile(join(folder(), 'starts'), 'utf8')).toBe('started\n');
  });

  test('that cannot start says why as before, and keeps no memory', async () => {
    const machines = await open();
    const failure = await failureOf(start(machines, '-M q35 -m 64 -device no-such-device'));
    expect(failure).toMatchObject({ code: 'qemu.did-not-start' });
    expect(failure.what).toContain("'no-such-device' is not a valid device");
    expect(await ownMemoryFiles()).toBe(0);
  });

  test('gets huge pages when enough are reserved, and is refused with the number to reserve when not', async () => {
    const machines = await open();
    const { id } = await machines.add({
      kind: 'command-line',
      name: 'huge',
      commandLine: `${PROGRAM} -accel tcg -S -nodefaults -M q35 -m 64`,
      cwd: folder(),
    });
    const text = await readFile('/proc/meminfo', 'utf8');
    const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]);
    const needed = 64 / (field('Hugepagesize') / 1024);
    if (field('HugePages_Free') - field('HugePages_Rsvd') >= needed) {
      const machine = await machines.start(id, { hugePages: true });
      expect((await memoryOf(machines, machine, 'pc.ram')).shared).not.toBeNull();
    } else {
      expect(await failureOf(machines.start(id, { hugePages: true }))).toMatchObject({
        code: 'qemu.did-not-start',
        what: expect.stringContaining(`needs ${needed} huge pages of 2 MiB, and `) as string,
        todo: expect.stringMatching(/^Reserve them as root: sysctl vm\.nr_hugepages=\d+$/) as string,
      });
      expect((await machines.start(id)).state).toBe('paused');
    }
  });

  test('whose memory is its own affair is refused huge pages', async () => {
    const machines = await open();
    const recipe = { name: 'vm', program: PROGRAM, argv: ['-M', 'q35'], env: {}, cwd: folder() };
    const { id } = await machines.add({ kind: 'recipe', recipe });
    expect(await failureOf(machines.start(id, { hugePages: true }))).toMatchObject({ code: 'machine.bad-recipe' });
  });
});

describe('A VM that waits for a snapshot', () => {
  const recipe = () => ({
    name: 'vm',
    program: PROGRAM,
    argv: '-accel tcg -nodefaults -M q35 -m 64'.split(' '),
    env: {},
    cwd: folder(),
  });

  test('has memory that can be filled', async () => {
    const machines = await open();
    const waiting = await machines.launchIncoming({ recipe: recipe(), inherit: [], extraArgv: [] });
    const { privateRam, qmp, process: vm, abandon } = waiting;
    try {
      const ram = (await readRamFiles(qmp, vm.pid)).find(({ name }) => name === 'pc.ram');
      if (ram?.shared == null) throw new Error(String(privateRam));
      expect([ram.usedLength, ram.shared.offset, privateRam]).toEqual([64 * MIB, 0, null]);
      const nonce = randomBytes(64);
      const file = await openRamFile(ram.shared, 'r+');
      await file.write(nonce, 0, 64, 40 * MIB);
      await file.close();
      const path = join(folder(), 'pmem');
      await qmp.execute('pmemsave', { val: 40 * MIB, size: 64, filename: path });
      expect(await readFile(path)).toEqual(nonce);
    } finally {
      await abandon();
    }
  });

  test('has its memory to itself: nobody else keeps it open', async () => {
    const machines = await open();
    const { abandon } = await machines.launchIncoming({ recipe: recipe(), inherit: [], extraArgv: [] });
    expect(await ownMemoryFiles()).toBe(0);
    await abandon();
  });

  test('takes the stream of a VM with private memory, and gives one to such a VM', async () => {
    const machines = await open();
    const argv = ['-M', 'q35', '-m', '64'];
    const nonce = randomBytes(64).toString('hex');
    const file = join(folder(), 'nonce');
    await writeFile(file, Buffer.from(nonce, 'hex'));
    const loader = ['-device', `loader,file=${file},addr=0x2000000,force-raw=on`];
    const plain = await PlainQemu.start({ argv: ['-S', ...argv, ...loader], folder: folder() });
    try {
      await plain.qmp('system_reset');
      await plain.save(`file:${join(folder(), 'a')}`, { mappedRam: true, channels: 2 });
    } finally {
      await plain.stop();
    }
    const loading = await machines.launchIncoming({ recipe: recipe(), inherit: [], extraArgv: loader });
    const capabilities = ['mapped-ram', 'multifd'].map((capability) => ({ capability, state: true }));
    await loading.qmp.execute('migrate-set-capabilities', { capabilities });
    await loading.qmp.execute('migrate-incoming', { uri: `file:${join(folder(), 'a')}` });
    for (;;) {
      const { status } = (await loading.qmp.execute('query-migrate')) as { status?: string };
      if (status === 'completed') break;
      if (status === 'failed') throw new Error(await loading.process.stderr());
    }
    const machine = await loading.adopt();
    expect((await readGuest(machines, machine, 0x200_0000)).toString('hex')).toBe(nonce);
    const qmp = await machines.qmp(machine.id);
    await qmp.execute('cont');
    await qmp.execute('stop');
    await qmp.execute('migrate', { uri: `file:${join(folder(), 'b')}` });
    for (;;) {
      const { status } = (await qmp.execute('query-migrate')) as { status?: string };
      if (status === 'completed') break;
    }
    const again = await PlainQemu.start({ argv: ['-S', ...argv, ...loader, '-incoming', 'defer'], folder: folder() });
    try {
      await again.load(`file:${join(folder(), 'b')}`, { mappedRam: true, channels: 2 });
      expect((await again.readMemory(0x200_0000, 64)).toString('hex')).toBe(nonce);
    } finally {
      await again.stop();
    }
  });
});
