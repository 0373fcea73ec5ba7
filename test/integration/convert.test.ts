import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { execFileSync, spawn } from 'node:child_process';
import { open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { cliPerTest, type CliResult } from '../support/cli';
import { readMappedFile } from '../support/mapped-file';
import type { PlainQemu } from '../support/plain-qemu';
import { restoreWithPlainQemu, saveWithPlainQemu } from '../support/plain-qemu';
import { randomStream } from '../support/random-stream';
import { expectSameBlocks } from '../support/same-memory';
import { buildLibvirtHeader } from '../support/stream-builder';
import { until } from '../support/until';

const CLI = resolve(import.meta.dirname, '../../out/main/cli.js');
const desk = cliPerTest();
const at = (name: string): string => join(desk().folder, name);
const started: PlainQemu[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((vm) => vm.stop()));
});

const ARGV = [
  '-M',
  'q35',
  '-m',
  '32',
  '-vga',
  'std',
  '-device',
  'loader,addr=0x1234567,data=0x1122334455667788,data-len=8',
];

interface Answer {
  readonly out: string;
  readonly from: string;
  readonly to: string;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly pages: number;
  readonly zeroPages: number;
  readonly timings: { readonly totalMs: number };
}

/** Converts and expects it to work. */
async function convert(from: string, out: string, ...more: readonly string[]): Promise<Answer> {
  const result = await desk().run('convert', from, out, '--json', ...more);
  expect(result.code, result.stderr).toBe(0);
  return result.json() as Answer;
}

/** One sentence on stderr, exit code 2, and nothing new in the folder. */
function expectRefused(result: CliResult, words: RegExp): void {
  expect([result.code, result.stdout]).toEqual([2, '']);
  expect(result.stderr).toMatch(words);
}

const files = async (): Promise<readonly string[]> =>
  (await readdir(desk().folder))
    .filter((name) => !['data', 'library', 'run'].includes(name) && !name.endsWith('.sock'))
    .sort();

describe('stillframe convert', () => {
  test('goes from a stream to mapped-ram, to a stream, to mapped-ram, and QEMU loads each', async () => {
    await saveWithPlainQemu({ argv: ARGV, folder: desk().folder, uri: `file:${at('stream')}` });
    const one = await convert(at('stream'), at('mapped'), '--to', 'mapped-ram');
    expect(one).toMatchObject({ out: at('mapped'), from: 'stream', to: 'mapped-ram' });
    expect(one.bytesRead).toBe((await stat(at('stream'))).size);
    expect(one.pages + one.zeroPages).toBeGreaterThan(8192);
    expect(one.timings.totalMs).toBeGreaterThan(0);
    const two = await convert(at('mapped'), at('again'), '--to', 'stream');
    expect(two).toMatchObject({ from: 'mapped-ram', to: 'stream', bytesWritten: (await stat(at('again'))).size });
    const three = await convert(at('mapped'), at('anew'), '--to', 'mapped-ram');
    expect(three).toMatchObject({ from: 'mapped-ram', to: 'mapped-ram' });
    expect(await files()).toEqual(['again', 'anew', 'mapped', 'stream']);
    for (const [name, mappedRam] of [
      ['mapped', true],
      ['again', false],
      ['anew', true],
    ] as const) {
      await expectSameBlocks(at('stream'), at(name));
      const uri = `file:${at(name)}`;
      const vm = await restoreWithPlainQemu({
        argv: [...ARGV, '-S'],
        folder: desk().folder,
        uri,
        migrate: { mappedRam },
      });
      started.push(vm);
      expect((await vm.readMemory(0x1234567, 8)).readBigUInt64LE()).toBe(0x1122334455667788n);
    }
    expect((await stat(at('mapped'))).mode & 0o777).toBe(0o600);
  });

  test('makes an image of a block, the largest or the one that is named', async () => {
    await saveWithPlainQemu({
      argv: ARGV,
      folder: desk().folder,
      uri: `file:${at('m')}`,
      migrate: { mappedRam: true },
    });
    const blocks = readMappedFile(at('m')).blocks;
    for (const [name, more] of [
      ['pc.ram', []],
      ['pc.bios', ['--block', 'pc.bios']],
    ] as const) {
      await convert(at('m'), at(name), '--to', 'raw', ...more);
      const memory = blocks.find((block) => block.name === name)?.memory;
      expect((await readFile(at(name))).equals(memory ?? Buffer.alloc(0))).toBe(true);
    }
    expectRefused(
      await desk().run('convert', at('m'), at('x'), '--to', 'raw', '--block', 'ram'),
      /no RAM block ram\. There are: pc\.ram/,
    );
    expectRefused(
      await desk().run('convert', at('m'), at('x'), '--to', 'stream', '--block', 'pc.ram'),
      /--block goes with --to raw alone/,
    );
  });

  test('takes a libvirt image, a file with an offset, a snapshot folder and a name in the library', async () => {
    const started_ = await desk().run('start', '--demo', '--memory', '64', '--json');
    expect(started_.code, started_.stderr).toBe(0);
    const { machine } = started_.json() as { machine: string };
    const saved = await desk().run('save', machine, '--name', 'shot', '--paused', '--json');
    expect(saved.code, saved.stderr).toBe(0);
    const { snapshot, memoryFile } = saved.json() as { snapshot: string; memoryFile: string };
    await convert('shot', at('by-name'), '--to', 'stream');
    await convert(snapshot, at('by-folder'), '--to', 'stream');
    await expectSameBlocks(memoryFile, at('by-name'));
    expect((await readFile(at('by-folder'))).equals(await readFile(at('by-name')))).toBe(true);
    const stream = await readFile(at('by-name'));
    await writeFile(at('libvirt'), Buffer.concat([buildLibvirtHeader({ format: 0 }), stream]));
    await writeFile(at('behind'), Buffer.concat([Buffer.alloc(4096, 1), stream]));
    await convert(at('libvirt'), at('one'), '--to', 'mapped-ram');
    await convert(`${at('behind')},offset=4K`, at('two'), '--to', 'mapped-ram');
    await expectSameBlocks(memoryFile, at('one'));
    expect((await readFile(at('two'))).equals(await readFile(at('one')))).toBe(true);
  });

  test('reads a pipe, and writes a stream into one', async () => {
    const { bytes, memory } = randomStream(3);
    await writeFile(at('stream'), bytes);
    const shell = async (line: string): Promise<number | null> => {
      const child = spawn('sh', ['-c', line], {
        cwd: desk().folder,
        env: { PATH: process.env['PATH'], ...desk().env },
      });
      const [code] = (await once(child, 'exit')) as [number | null];
      return code;
    };
    const cli = `'${process.execPath}' '${CLI}' convert`;
    expect(await shell(`cat stream | ${cli} - mapped --to mapped-ram`)).toBe(0);
    const blocks = readMappedFile(at('mapped')).blocks;
    expect(blocks.map((block, index) => block.memory.equals(memory[index] ?? Buffer.alloc(0)))).toEqual([
      true,
      true,
      true,
    ]);
    expect(await shell(`${cli} mapped fd:3 --to stream 3>&1 >/dev/null | cat >again`)).toBe(0);
    await expectSameBlocks(at('stream'), at('again'));
    expect(await shell(`${cli} file:stream fd:3 --to mapped-ram 3>placed`)).toBe(0);
    expect((await readFile(at('placed'))).equals(await readFile(at('mapped')))).toBe(true);
    expect(await shell(`${cli} stream fd:3 --to mapped-ram 3>&1 >/dev/null 2>said | cat >nothing`)).toBe(0);
    expect(await readFile(at('said'), 'utf8')).toMatch(/fd:3.*pipe/);
    expect((await readFile(at('nothing'))).length).toBe(0);
  });

  test.each(['tcp:127.0.0.1:4444', 'unix:/tmp/x', 'exec:cat', 'rdma:host:1'])(
    'does not go over %s: pages have no places there',
    async (transport) => {
      const [scheme = ''] = transport.split(':');
      const refused = new RegExp(`${scheme}: is .*`);
      expectRefused(await desk().run('convert', transport, at('out'), '--to', 'mapped-ram'), refused);
      expectRefused(await desk().run('convert', at('stream'), transport, '--to', 'mapped-ram'), refused);
    },
  );

  test('takes what QEMU calls a file', async () => {
    expectRefused(await desk().run('convert', '/dev/fdset/1', at('out'), '--to', 'stream'), /sets of descriptors/);
    expectRefused(await desk().run('convert', 'file:', at('out'), '--to', 'stream'), /there is no path/);
  });

  test('never writes over anything, and says so before it reads', async () => {
    await writeFile(at('theirs'), 'theirs');
    expectRefused(
      await desk().run('convert', at('nowhere'), at('theirs'), '--to', 'stream'),
      /something of this name already/,
    );
    expect(await readFile(at('theirs'), 'utf8')).toBe('theirs');
  });

  test.each([
    ['no such form', ['--to', 'elf'], /--to/],
    ['no form', [], /--to/],
    ['no such file', ['--to', 'raw'], /no such folder or file|There is no snapshot/],
  ])('refuses %s', async (_, more, words) => {
    expectRefused(await desk().run('convert', at('nowhere'), at('out'), ...more), words);
    expect(await files()).toEqual([]);
  });

  test('refuses what is not whole and leaves nothing', async () => {
    const { bytes } = randomStream(4);
    await writeFile(at('stream'), bytes.subarray(0, bytes.length - 300));
    expectRefused(await desk().run('convert', at('stream'), at('out'), '--to', 'mapped-ram'), /is not whole/);
    await writeFile(at('text'), randomBytes(5000));
    expectRefused(await desk().run('convert', at('text'), at('out'), '--to', 'mapped-ram'), /no migration stream/);
    expectRefused(
      await desk().run('convert', at('stream'), at('out'), '--to', 'stream'),
      /not reach|ordinary stream|ends/,
    );
    expect(await files()).toEqual(['stream', 'text']);
  });

  test('cancelled by Ctrl-C leaves nothing, and the next run is not in its way', async () => {
    await writeFile(at('stream'), randomStream(5).bytes);
    // A pipe that gives nothing: the conversion is under way until it is told to stop.
    execFileSync('mkfifo', [at('pipe')]);
    const pipe = await open(at('pipe'), 'r+');
    const child = spawn(process.execPath, [CLI, 'convert', '-', at('out'), '--to', 'mapped-ram'], {
      cwd: desk().folder,
      env: { PATH: process.env['PATH'], ...desk().env },
      stdio: [pipe.fd, 'pipe', 'pipe'],
    });
    const ended = once(child, 'exit');
    await until('it has begun', async () => (await files()).some((name) => name.endsWith('.stillframe-unfinished')));
    child.kill('SIGINT');
    expect((await ended)[0]).toBe(2);
    await pipe.close();
    await rm(at('pipe'));
    expect(await files()).toEqual(['stream']);
    await convert(at('stream'), at('out'), '--to', 'mapped-ram');
  });

  test('killed leaves a file that tells what it is, and the next run does its work', async () => {
    await writeFile(at('stream'), randomStream(6).bytes);
    const child = spawn('sh', ['-c', `sleep 30 | exec '${process.execPath}' '${CLI}' convert - out --to mapped-ram`], {
      cwd: desk().folder,
      env: { PATH: process.env['PATH'], ...desk().env },
      detached: true,
    });
    await until('it has begun', async () => (await files()).some((name) => name.endsWith('.stillframe-unfinished')));
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await once(child, 'exit');
    expect((await files()).filter((name) => name.startsWith('.out.'))).toHaveLength(1);
    await convert(at('stream'), at('out'), '--to', 'mapped-ram');
    expect(await files()).toContain('out');
  });
});
