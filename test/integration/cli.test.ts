import { demoRecipe } from '../../src-main/machines/demo';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cliPerTest, qemusBelow, type CliResult } from '../support/cli';
import { withMonitor } from '../support/guest-memory';
import { PlainQemu } from '../support/plain-qemu';
import { isAlive } from '../support/processes';
import { until } from '../support/until';

const resources = resolve(import.meta.dirname, '../../resources');
const desk = cliPerTest();
const started: PlainQemu[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((vm) => vm.stop()));
});

interface Started {
  readonly machine: string;
  readonly pid: number;
  readonly qmp: string;
}

/** A small VM that only sits there: quick to start and to save. */
async function startSmall(name = 'small'): Promise<Started> {
  const recipe = join(desk().folder, `${name}.json`);
  await writeFile(recipe, JSON.stringify({ argv: ['-M', 'q35', '-m', '32', '-accel', 'tcg', '-nodefaults'] }));
  const result = await desk().run('start', recipe, '--json');
  expect(result.code, result.stderr).toBe(0);
  return result.json() as Started;
}

const statusOf = (qmp: string): Promise<string> => withMonitor(qmp, (monitor) => monitor.status());

/** What every failure looks like: nothing on stdout, one line on stderr that is a sentence, exit code 2. */
function expectSentence(result: CliResult, part: string | RegExp): void {
  expect(result.stdout).toBe('');
  expect(result.stderr).toMatch(part);
  expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(result.stderr).toMatch(/^\S.*\.\n$/);
  expect(result.code).toBe(2);
}

describe('help and bad usage', () => {
  const commands = ['machines', 'start', 'save', 'restore', 'list', 'inspect', 'locate', 'synthetic'] as const;

  test('--help lists every command', async () => {
    const { code, stdout, stderr } = await desk().run('--help');
    expect([code, stderr]).toEqual([0, '']);
    for (const command of commands) expect(stdout).toContain(`\n  ${command} `);
  });

  test.each(commands)('%s --help explains --json and --library', async (command) => {
    const { code, stdout, stderr } = await desk().run(command, '--help');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('--json');
    expect(stdout).toContain('--library');
  });

  test.each([
    [[], 'A command is needed'],
    [['nonsense'], 'nonsense'],
    [['list', '--nonsense'], '--nonsense'],
    [['list', 'one', 'two'], 'argument'],
    [['start'], 'RECIPE or --demo'],
    [['start', 'a.json', '--demo'], 'RECIPE or --demo'],
    [['start', '--demo', '--memory', '16'], '64 to 4096'],
    [['start', '--demo', '--memory', '64', '--dirty', '64'], 'from 1 to 60'],
    [['start', 'a.json', '--memory', '64'], '--demo only'],
    [['start', 'not-there.json'], 'not-there.json'],
    [['save'], 'MACHINE or --qmp'],
    [['save', 'a', '--qmp', 'b'], 'MACHINE or --qmp'],
    [['save', 'nobody'], '"nobody"'],
    [['save', 'a', '--live', '--paused'], '--paused'],
    [['save', 'a', '--channels', '17'], '1 to 16'],
    [['save', 'a', '--channels', 'many'], '1 to 16'],
    [['save', 'a', '--after', 'explode'], 'explode'],
    [['save', '--qmp', 'not-there.sock'], 'not-there.sock'],
    [['restore'], 'snapshot'],
    [['restore', 'nothing'], 'nothing'],
    [['inspect'], 'file'],
    [['inspect', 'not-there.mapped'], 'not-there.mapped'],
    [['inspect', 'a,offset=lots'], 'lots'],
    [['inspect', '/dev/null'], '/dev/null'],
    [['locate', 'a'], '--offset'],
    [['locate', 'a', '--page', '3'], '--block'],
    [['locate', 'a', '--gpa', '0', '--offset', '0'], 'Exactly one'],
    [['locate', 'a', '--gpa', '-1'], 'number'],
  ])('%j is a sentence on stderr and exit code 2', async (args, part) => {
    expectSentence(await desk().run(...args), part);
    expect(await desk().run(...args, '--json')).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('machines', () => {
  test('--json lists known machines and QEMUs of this user that were started elsewhere', async () => {
    const vm = await startSmall();
    const socket = join(desk().folder, 'other.sock');
    const argv = ['-name', 'other', '-M', 'pc', '-m', '32', '-qmp', `unix:${socket},server=on,wait=off`];
    const other = await PlainQemu.start({ argv, folder: desk().folder });
    started.push(other);
    const { code, stderr, ...result } = await desk().run('machines', '--json');
    expect([code, stderr]).toEqual([0, '']);
    const { machines, foreign } = result.json() as { machines: unknown[]; foreign: { pid: number }[] };
    expect(machines).toEqual([
      {
        machine: vm.machine,
        name: 'small',
        origin: 'started',
        state: 'running',
        since: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
        pid: vm.pid,
        qmp: vm.qmp,
        accelerator: 'tcg',
        machineType: expect.stringMatching(/^pc-q35-/) as string,
        memoryBytes: 32 * 2 ** 20,
        qemuVersion: expect.stringMatching(/^\d+\.\d+/) as string,
        saving: null,
        trouble: null,
      },
    ]);
    expect(foreign.find(({ pid }) => pid === other.pid)).toMatchObject({
      name: 'other',
      memoryBytes: 32 * 2 ** 20,
      accelerator: 'tcg',
      keeper: 'nobody',
      attachable: true,
      verdict: expect.stringMatching(/\S/) as string,
    });
  });

  test('the table for people has the same, and an empty one says how to begin', async () => {
    expect((await desk().run('machines')).stdout).toContain('stillframe start --demo');
    const vm = await startSmall();
    const { stdout } = await desk().run('machines');
    expect(stdout).toMatch(new RegExp(`small +${vm.machine} +running +${vm.pid} +32 MiB +TCG`));
  });
});

describe('start', () => {
  test('the VM lives on when the command has ended, and a second start of it is refused', async () => {
    const vm = await startSmall();
    expect(await isAlive(vm.pid)).toBe(true);
    expect(await statusOf(vm.qmp)).toBe('running');
    expectSentence(await desk().run('start', vm.machine), 'not off');
  });

  test('takes a command line from a text file', async () => {
    await writeFile(
      join(desk().folder, 'line.txt'),
      "qemu-system-x86_64 -name 'from a line' -M pc -m 32 \\\n  -accel tcg -nodefaults &\n",
    );
    const result = await desk().run('start', 'line.txt', '--json');
    expect(result.code, result.stderr).toBe(0);
    const list = (await desk().run('machines', '--json')).json() as { machines: { name: string }[] };
    expect(list.machines).toHaveLength(1);
  });

  test('a known machine that is off starts again by its name', async () => {
    const vm = await startSmall();
    await withMonitor(vm.qmp, (monitor) => monitor.qmp('quit'));
    await until('QEMU has ended', async () => !(await isAlive(vm.pid)));
    const again = (await desk().run('start', 'small', '--json')).json() as Started;
    expect(again.machine).toBe(vm.machine);
    expect(again.pid).not.toBe(vm.pid);
  });

  test.each([
    ['{', 'no JSON'],
    ['{"argv": "-m 64"}', 'argv'],
    ['{"argv": [], "extra": 1}', 'extra'],
    ['{"argv": ["-incoming", "defer"]}', '-incoming'],
    ['qemu-system-x86_64 -m 64 | tee log', 'shell'],
    ['{"program": "/no/such/qemu", "argv": []}', '/no/such/qemu'],
    ['{"argv": ["-device", "no-such-device"]}', 'no-such-device'],
  ])('the recipe %s is refused with the reason, and not kept', async (recipe, part) => {
    await writeFile(join(desk().folder, 'bad.txt'), recipe);
    expectSentence(await desk().run('start', 'bad.txt'), part);
    const { machines } = (await desk().run('machines', '--json')).json() as { machines: unknown[] };
    expect(machines).toEqual([]);
  });
});

describe('save', () => {
  test('says each phase once on stderr and the result on stdout', async () => {
    await startSmall();
    const { code, stdout, stderr } = await desk().run('save', 'small', '--name', 'first');
    expect(code, stderr).toBe(0);
    expect(stderr).toBe('Preparing.\nWriting.\nFlushing to stable storage.\nSealing.\n');
    expect(stdout).toMatch(/^Saved first: .*\n\/.*\/first\/memory\.mapped\n$/);
  });

  test('refuses a name that is taken, before the VM is touched', async () => {
    const vm = await startSmall();
    expect((await desk().run('save', 'small', '--name', 'twice')).code).toBe(0);
    expectSentence(await desk().run('save', 'small', '--name', 'twice', '--paused', '--after', 'quit'), 'twice');
    expect(await statusOf(vm.qmp)).toBe('running');
  });

  test('--qmp saves a VM that somebody else started, and lets go of it', async () => {
    const socket = join(desk().folder, 'mine.sock');
    const argv = ['-M', 'q35', '-m', '32', '-qmp', `unix:${socket},server=on,wait=off`];
    const vm = await PlainQemu.start({ argv, folder: desk().folder });
    started.push(vm);
    const result = await desk().run('save', '--qmp', 'mine.sock', '--name', 'mine', '--json');
    expect(result.code, result.stderr).toBe(0);
    expect(result.json()).toMatchObject({ snapshot: 'mine', durable: true });
    expect(await vm.status()).toBe('running');
    const { machines } = (await desk().run('machines', '--json')).json() as { machines: unknown[] };
    expect(machines).toEqual([]);
    expect(await statusOf(socket)).toBe('running');
  });

  test('a QMP socket that another client holds is reported at once, not waited for', async () => {
    const socket = join(desk().folder, 'busy.sock');
    const argv = ['-M', 'q35', '-m', '32', '-qmp', `unix:${socket},server=on,wait=off`];
    started.push(await PlainQemu.start({ argv, folder: desk().folder }));
    const holder = await dial(socket);
    try {
      const began = performance.now();
      expectSentence(await desk().run('save', '--qmp', socket), /another|held|connected/);
      expect(performance.now() - began).toBeLessThan(10_000);
    } finally {
      holder.destroy();
    }
  });

  test('a VM whose first monitor somebody holds is saved through its second one', async () => {
    const vm = await startSmall();
    const holder = await dial(vm.qmp.replace('tools.sock', 'qmp.sock'));
    try {
      const result = await desk().run('save', 'small', '--json');
      expect(result.code, result.stderr).toBe(0);
    } finally {
      holder.destroy();
    }
  });

  test('the answer says what was done, not what was asked for', async () => {
    await startSmall();
    const words = ['--no-direct-io', '--channels', '1', '--flush', 'none', '--paused', '--json'];
    const result = await desk().run('save', 'small', ...words);
    expect(result.code, result.stderr).toBe(0);
    expect(result.json()).toMatchObject({ channels: 1, directIo: false, durable: false });
    expect(result.stderr).toBe('Preparing.\nWriting.\nChecking.\nSealing.\n');
  });
});

describe('an interrupted save', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s, sent twice: the VM runs on, the library is as it was, exit code 2',
    async (signal) => {
      const vm = await startWriter();
      const running = desk().begin(['save', vm.machine, '--name', 'never', '--json']);
      await until('it writes', () => Promise.resolve(running.stderr().includes('Writing.')));
      running.child.kill(signal);
      running.child.kill(signal);
      const result = await running.result;
      expect(result.stdout).toBe('');
      expect(result.stderr).toContain('cancelled');
      expect(result.code).toBe(2);
      expect(await statusOf(vm.qmp)).toBe('running');
      expect((await readdir(join(desk().folder, 'library'))).filter((name) => !name.endsWith('.json'))).toEqual([]);
      await withMonitor(vm.qmp, async (monitor) => {
        expect(await monitor.qmp('query-fdsets')).toEqual([]);
      });
    },
  );

  /** Dirties a gigabyte without a limit: a live save takes several passes of most of a second each. */
  async function startWriter(): Promise<Started> {
    const demo = ['start', '--demo', '--memory', '1024', '--dirty', '1000', '--rate', '0', '--json'];
    return (await desk().run(...demo)).json() as Started;
  }
});

test('a restore that is interrupted leaves no VM behind', async () => {
  const vm = await startSmall();
  const saved = await desk().run('save', vm.machine, '--name', 'kept', '--after', 'quit');
  expect(saved.code, saved.stderr).toBe(0);
  const running = desk().begin(['restore', 'kept', '--json']);
  await until('QEMU starts', async () => (await qemusBelow(desk().folder)).length > 0);
  running.child.kill('SIGINT');
  const result = await running.result;
  expect([result.code, result.stdout]).toEqual([2, '']);
  expect(result.stderr).toContain('interrupted');
  expect(await qemusBelow(desk().folder)).toEqual([]);
});

test('an answer that cannot be written is a sentence and exit code 2', async () => {
  const full = await open('/dev/full', 'w');
  const running = desk().begin(['list'], { stdout: full.fd });
  await full.close();
  expectSentence(await running.result, 'stdout');
});

test('a save goes on when the reader of stdout has gone away', async () => {
  await startSmall();
  const running = desk().begin(['save', 'small', '--name', 'piped']);
  running.child.stdout?.destroy();
  const { code, stderr } = await running.result;
  expect(code, stderr).toBe(0);
  expect(stderr).not.toContain('EPIPE');
  expect(await readdir(join(desk().folder, 'library', 'piped'))).toContain('memory.mapped');
});

describe('what was saved', () => {
  let file: string;
  let vm: Started;

  beforeEach(async () => {
    vm = await startSmall();
    const result = await desk().run('save', 'small', '--name', 'kept', '--note', 'before the upgrade', '--json');
    expect(result.code, result.stderr).toBe(0);
    file = (result.json() as { memoryFile: string }).memoryFile;
  });

  test('list --json', async () => {
    const { code, stderr, ...result } = await desk().run('list', '--json');
    expect([code, stderr]).toEqual([0, '']);
    expect(result.json()).toEqual({
      library: join(desk().folder, 'library'),
      freeBytes: expect.any(Number) as number,
      snapshots: [
        {
          snapshot: expect.any(String) as string,
          name: 'kept',
          note: 'before the upgrade',
          state: 'good',
          durable: true,
          why: null,
          folder: join(desk().folder, 'library', 'kept'),
          memoryFile: file,
          machine: 'small',
          savedAt: expect.stringMatching(/^\d{4}-/) as string,
          ramBytes: 32 * 2 ** 20,
          fileBytes: expect.any(Number) as number,
          bytesOnDisk: expect.any(Number) as number,
        },
      ],
    });
    expect((await desk().run('list')).stdout).toMatch(/kept +good .* small +32 MiB .*before the upgrade\n/);
  });

  test('--library reads another library', async () => {
    const other = await desk().run('list', '--json', '--library', 'other');
    expect(other.json()).toMatchObject({ library: join(desk().folder, 'other'), snapshots: [] });
  });

  test('inspect --json has exactly the keys that are promised', async () => {
    const result = await desk().run('inspect', file, '--json');
    expect([result.code, result.stderr]).toEqual([0, '']);
    const report = result.json() as Record<string, unknown> & {
      ramBlocks: Record<string, unknown>[];
      sections: Record<string, unknown>[];
    };
    expect(Object.keys(report).sort()).toEqual(
      'capabilities complete container file machine problems ramBlocks sections size vmDescription'.split(' '),
    );
    expect(Object.keys(report.ramBlocks[0] ?? {}).sort()).toEqual(
      'bitmapLength bitmapOffset headerOffset name pageSize pagesOffset pagesPresent pagesTotal recordOffset usedLength'.split(
        ' ',
      ),
    );
    expect(Object.keys(report.sections[0] ?? {}).sort()).toEqual('id instance name offset type version'.split(' '));
    expect(report).toMatchObject({ file, complete: true, capabilities: ['mapped-ram'], problems: [] });
    expect(report.ramBlocks[0]).toMatchObject({ name: 'pc.ram', usedLength: 32 * 2 ** 20, pagesTotal: 8192 });
  });

  test('inspect takes the snapshot folder too, and says the same', async () => {
    const [byFile, byFolder] = await Promise.all(
      [file, join(file, '..')].map((path) => desk().run('inspect', path, '--json')),
    );
    expect(byFolder?.json()).toEqual(byFile?.json());
  });

  test('inspect of a file that was cut off prints what is there and exits with 1', async () => {
    const cut = join(desk().folder, 'cut.mapped');
    await copyFile(file, cut);
    await truncate(cut, 35 * 2 ** 20);
    const result = await desk().run('inspect', cut, '--json');
    expect(result.code).toBe(1);
    expect(result.json()).toMatchObject({ complete: false });
    expect((await desk().run('inspect', cut)).code).toBe(1);
  });

  test('locate gives one place four ways', async () => {
    const ask = async (...args: string[]) => {
      const result = await desk().run('locate', file, ...args, '--json');
      expect(result.code, result.stderr).toBe(0);
      return result.json() as { fileOffset: number };
    };
    const byPage = await ask('--block', 'pc.ram', '--page', '0xf0');
    expect(byPage).toEqual({
      block: 'pc.ram',
      page: 0xf0,
      guestPhysical: 0xf0000,
      fileOffset: 0x100000 + 0xf0 * 4096,
      present: expect.any(Boolean) as boolean,
    });
    expect(await ask('--offset', String(byPage.fileOffset))).toEqual(byPage);
    expect(await ask('--gpa', '0xf0000')).toEqual(byPage);
    expect(await ask('--gpa', '960K')).toEqual(byPage);
  });

  test('locate refuses what is not there', async () => {
    expectSentence(await desk().run('locate', file, '--block', 'no.such', '--page', '0'), 'no.such');
    expectSentence(await desk().run('locate', file, '--block', 'pc.ram', '--page', '8192'), '8');
    expectSentence(await desk().run('locate', file, '--gpa', '8191T'), /\S/);
  });

  test('restore refuses a snapshot whose file was cut off, starts nothing and leaves it as it was', async () => {
    await truncate(file, 35 * 2 ** 20);
    const before = await checksum(file);
    expectSentence(await desk().run('restore', 'kept'), 'memory.mapped');
    expect(await checksum(file)).toBe(before);
    const { machines } = (await desk().run('machines', '--json')).json() as { machines: { pid: number | null }[] };
    expect(machines.map(({ pid }) => pid)).toEqual([vm.pid]);
  });
});

test('restore names a disk that was written since, and goes on only with --accept', async () => {
  const { folder } = desk();
  const disk = join(folder, 'disk.raw');
  await writeFile(disk, Buffer.alloc(2 ** 20));
  const argv = ['-M', 'q35', '-m', '32', '-accel', 'tcg', '-nodefaults'];
  const blockdev = ['-drive', `file=${disk},format=raw,if=none,id=d0`, '-device', 'virtio-blk-pci,drive=d0'];
  await writeFile(join(folder, 'disk.json'), JSON.stringify({ argv: [...argv, ...blockdev] }));
  expect((await desk().run('start', 'disk.json')).code).toBe(0);
  expect((await desk().run('save', 'disk', '--name', 'with disk', '--after', 'quit')).code).toBe(0);
  await writeFile(disk, Buffer.alloc(2 ** 20, 1));
  const refused = await desk().run('restore', 'with disk');
  expectSentence(refused, disk);
  const keys = /--accept (.*)\.$/.exec(refused.stderr.trim())?.[1]?.split(' ') ?? [];
  expect(keys.length).toBeGreaterThan(0);
  const restored = await desk().run('restore', 'with disk', '--json', '--accept', ...keys);
  expect(restored.code, restored.stderr).toBe(0);
  await rm(disk);
});

test('without QEMU the sentence says what to install', async () => {
  const { folder } = desk();
  await mkdir(join(folder, 'bin'));
  const recipe = demoRecipe({ resources });
  await writeFile(join(folder, 'demo.json'), JSON.stringify({ ...recipe, program: 'qemu-system-nowhere' }));
  expectSentence(await desk().run('start', 'demo.json'), 'Install QEMU');
});

async function checksum(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}

function dial(path: string): Promise<Socket> {
  return new Promise((resolveSocket, reject) => {
    const socket = connect(path, () => resolveSocket(socket));
    socket.once('error', reject);
  });
}
