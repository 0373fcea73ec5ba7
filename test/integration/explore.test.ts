/** find, strings, hexdump, diff and export on files of a Linux guest, against QEMU's own pictures of its memory. */
import { execFile } from 'node:child_process';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DevicesReport } from '../../src-shared/contracts/devices';
import type { InspectReport } from '../../src-shared/contracts/inspect';
import type { FileReport } from '../../src-shared/contracts/report';
import { runCli } from '../support/cli';
import { runDrgn } from '../support/drgn';
import { linuxArgv, linuxGuest } from '../support/linux-guest';
import { PlainQemu } from '../support/plain-qemu';
import { parseRegisters, type RegisterValues } from '../support/registers';
import { SerialConsole } from '../support/serial-console';
import { makeTempDir, removeTempDir } from '../support/temp';

const run = promisify(execFile);
const MIB = 2 ** 20;
const PAGE = 4096;
const MEMORY = 256 * MIB;
/** Here a PC has video memory and firmware, which lie over its RAM. */
const COVERED = { start: 0xa0000, end: 0x100000 };

let folder = '';
let env: Readonly<Record<string, string>> = {};
let registers: readonly RegisterValues[] = [];
const at = (name: string): string => join(folder, name);

/** One moment of the guest: its memory as QEMU shows it, and saved. */
async function takeMoment(vm: PlainQemu, name: string): Promise<void> {
  await vm.qmp('pmemsave', { val: 0, size: MEMORY, filename: at(`${name}.image`) });
  await vm.save(`file:${at(`${name}.mapped`)}`, { mappedRam: true, channels: 2 });
}

beforeAll(async () => {
  folder = await makeTempDir('sfe');
  env = { HOME: folder, STILLFRAME_DATA: at('data'), STILLFRAME_LIBRARY: at('library'), STILLFRAME_RUN: at('run') };
  const serial = at('serial');
  const argv = linuxArgv(await linuxGuest(), { serial, memoryMiB: MEMORY / MIB, more: ['-smp', '2'] });
  const vm = await PlainQemu.start({ argv, folder });
  try {
    const console = await SerialConsole.open(serial);
    await console.ready();
    console.close();
    await vm.qmp('stop');
    registers = parseRegisters(await vm.qmp<string>('human-monitor-command', { 'command-line': 'info registers -a' }));
    await vm.qmp('dump-guest-memory', { paging: false, protocol: `file:${at('qemu.core')}` });
    await takeMoment(vm, 'a');
    await vm.qmp('cont');
    await new Promise((done) => setTimeout(done, 2000));
    await vm.qmp('stop');
    await takeMoment(vm, 'b');
  } finally {
    await vm.stop();
  }
}, 240_000);

afterAll(() => removeTempDir(folder));

async function stillframe<T>(...args: readonly string[]): Promise<T> {
  const result = await runCli([...args, '--json'], { env, cwd: folder });
  expect([result.stderr.replace(/^(Converting|Flushing to stable storage)\.\n/gm, ''), result.code]).toEqual(['', 0]);
  return result.json() as T;
}

interface Hit {
  readonly block: string;
  readonly blockOffset: number;
  readonly page: number;
  readonly guestPhysical: number | null;
  readonly fileOffset: number;
  readonly length: number;
  readonly context: string;
}

interface FindReport {
  readonly hits: readonly Hit[];
  readonly searchedBytes: number;
  readonly timings: { readonly totalMs: number };
}

const isCovered = (address: number): boolean => address >= COVERED.start && address < COVERED.end;

/** Addresses and texts that grep finds in the picture of the memory. */
async function grep(...args: readonly string[]): Promise<readonly (readonly [number, string])[]> {
  const { stdout } = await run('grep', ['-abo', ...args, at('a.image')], {
    env: { ...process.env, LC_ALL: 'C' },
    encoding: 'latin1',
    maxBuffer: 64 * MIB,
  });
  return [...stdout.matchAll(/^(\d+):(.*)$/gm)]
    .map(([, offset, text]) => [Number(offset), text ?? ''] as const)
    .filter(([address]) => !isCovered(address));
}

describe('find', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['text', ['--text', 'Linux version '], ['-F', 'Linux version ']],
    ['text in either case', ['--text', 'BUSYBOX', '--ignore-case'], ['-iF', 'busybox']],
    ['bytes', ['--hex', '7f 45 4c 46 02'], ['-P', '\\x7fELF\\x02']],
    ['bytes with wildcards', ['--hex', '7f 45 4c 46 ?? 01 0?'], ['-P', '\\x7fELF[^\\n]\\x01[\\x00-\\x09\\x0b-\\x0f]']],
    ['an expression', ['--regex', '[a-z]+_init_[a-z]+'], ['-E', '[a-z]+_init_[a-z]+']],
    ['another expression', ['--regex', '(/bin|/dev)/[a-z0-9]{3,}'], ['-E', '(/bin|/dev)/[a-z0-9]{3,}']],
  ])('%s where grep finds it in the picture of the memory', async (_, ours, theirs) => {
    const { hits, searchedBytes, timings } = await stillframe<FindReport>(
      'find',
      at('a.mapped'),
      ...ours,
      '--block',
      'pc.ram',
    );
    const expected = await grep(...theirs);
    expect(expected.length).toBeGreaterThan(0);
    const own = hits.filter(({ blockOffset }) => !isCovered(blockOffset));
    expect(own.map(({ blockOffset }) => blockOffset)).toEqual(expected.map(([address]) => address));
    for (const hit of own) {
      expect(hit).toMatchObject({
        block: 'pc.ram',
        guestPhysical: hit.blockOffset,
        page: Math.floor(hit.blockOffset / PAGE),
      });
      // On 256 MiB q35 guests block offsets are addresses; QEMU begins the pages of its first block at 1 MiB.
      expect(hit.fileOffset).toBe(hit.blockOffset + MIB);
    }
    expect(searchedBytes).toBeGreaterThan(50 * MIB);
    expect(timings.totalMs).toBeGreaterThan(0);
  });

  it('numbers, text in UTF-16, ranges of addresses, and no more than asked for', async () => {
    const image = await readFile(at('a.image'));
    const needle = Buffer.alloc(8);
    needle.writeBigUInt64LE(registers[0]?.['rip'] ?? 0n);
    const places: number[] = [];
    for (let found = image.indexOf(needle); found >= 0; found = image.indexOf(needle, found + 1)) places.push(found);
    const value = String(registers[0]?.['rip'] ?? 0n);
    const { hits } = await stillframe<FindReport>('find', at('a.mapped'), '--int', value, '--block', 'pc.ram');
    expect(hits.map(({ blockOffset }) => blockOffset).filter((place) => !isCovered(place))).toEqual(
      places.filter((place) => !isCovered(place)),
    );
    const texts = await grep('-F', 'busybox');
    const middle = texts[Math.floor(texts.length / 2)]?.[0] ?? 0;
    const range = await stillframe<FindReport>(
      'find',
      at('a.mapped'),
      '--text',
      'busybox',
      '--range',
      `${middle}-${MEMORY}`,
    );
    expect(range.hits.map(({ guestPhysical }) => guestPhysical)).toEqual(
      texts.map(([address]) => address).filter((address) => address >= middle),
    );
    const few = await stillframe<FindReport>(
      'find',
      at('a.mapped'),
      '--text',
      'busybox',
      '--range',
      `${middle}-${MEMORY}`,
      '--max',
      '2',
    );
    expect(few).toMatchObject({ more: true, hits: range.hits.slice(0, 2) });
  });

  it.each([
    ['no needle', ['find', 'a.mapped']],
    ['two needles', ['find', 'a.mapped', '--text', 'a', '--hex', '61']],
    ['a wrong expression', ['find', 'a.mapped', '--regex', '(a']],
    ['a block that is not there', ['find', 'a.mapped', '--text', 'a', '--block', 'none']],
    ['addresses without RAM', ['find', 'a.mapped', '--text', 'a', '--range', '0xf0000000-0xf0001000']],
    ['a file that is none', ['find', 'a.image', '--text', 'a']],
    ['bytes without a range', ['export', 'a.mapped', '--to', 'bytes', '--out', 'x']],
    ['a range of a report', ['export', 'a.mapped', '--to', 'report', '--range', '0-1M', '--out', 'x']],
    ['a report of what is no save file', ['export', 'a.image', '--to', 'report', '--out', 'x']],
    ['a core file of several parts', ['export', 'a.mapped', '--to', 'elf', '--block', 'pc.ram', '--out', 'x']],
  ])('%s is refused in a sentence', async (_, args) => {
    const { code, stdout, stderr } = await runCli(args, { env, cwd: folder });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^\S.*\.\n$/);
  });
});

it('strings are those that GNU strings finds in the picture of the memory', async () => {
  const args = ['-a', '-t', 'd', '-n', '12', at('a.image')];
  const { stdout } = await run('strings', args, { encoding: 'latin1', maxBuffer: 256 * MIB });
  const expected = stdout.split('\n').flatMap((line) => {
    const match = /^ *(\d+) (.*)$/.exec(line);
    return match === null || isCovered(Number(match[1])) ? [] : [`${match[1]} ${match[2]}`];
  });
  const { strings } = await stillframe<{ strings: { blockOffset: number; text: string }[] }>(
    ...['strings', at('a.mapped'), '--block', 'pc.ram', '--min', '12', '--max', '10000000'],
  );
  const own = strings
    .filter(({ blockOffset }) => !isCovered(blockOffset))
    .map(({ blockOffset, text }) => `${blockOffset} ${text}`);
  const short = (lines: readonly string[]): readonly string[] => lines.filter((line) => line.length < 4000);
  expect(own.length).toBeGreaterThan(1000);
  expect(short(own)).toEqual(short(expected));
  const { strings: some } = await stillframe<{ strings: { text: string }[] }>(
    ...['strings', at('a.mapped'), '--block', 'pc.ram', '--min', '12', '--max', '10000000', '--filter', 'LINUX'],
  );
  expect(some).toEqual(strings.filter(({ text }) => text.toLowerCase().includes('linux')));
});

it('hexdump shows the guest’s bytes, and what is not in the file as such', async () => {
  const image = await readFile(at('a.image'));
  interface Dump {
    readonly parts: readonly { kind: string; blockOffset: number; length: number; hex: string | null }[];
  }
  const start = 0x1000000;
  const length = 4 * MIB;
  const { parts } = await stillframe<Dump>(
    ...['hexdump', at('a.mapped'), '--gpa', String(start), '--length', String(length)],
  );
  const whole = Buffer.concat(
    parts.map((part) => (part.hex === null ? Buffer.alloc(part.length) : Buffer.from(part.hex, 'hex'))),
  );
  expect(whole.equals(image.subarray(start, start + length))).toBe(true);
  expect(new Set(parts.map(({ kind }) => kind))).toEqual(new Set(['present', 'absent']));
  for (const part of parts) expect([part.kind, part.hex === null]).toEqual([part.kind, part.kind === 'absent']);
  const text = await runCli(['hexdump', at('a.mapped'), '--file-offset', '0', '--length', '16'], { env, cwd: folder });
  expect(text.stdout).toMatch(/^000000000000 {2}51 45 56 4d 00 00 00 03 {2}07 .* {2}\|QEVM\.{4}.*\|\n16 bytes\.\n$/);
});

describe('diff', () => {
  it('of two moments has the pages in which QEMU’s pictures of them differ', async () => {
    const [a, b] = await Promise.all([readFile(at('a.image')), readFile(at('b.image'))]);
    const expected: number[] = [];
    for (let page = 0; page < MEMORY / PAGE; page++) {
      const [from, to] = [page * PAGE, (page + 1) * PAGE];
      if (!isCovered(from) && a.compare(b, from, to, from, to) !== 0) expected.push(page);
    }
    expect(expected.length).toBeGreaterThan(100);
    interface Report {
      readonly blocks: readonly {
        name: string;
        added: number;
        removed: number;
        changed: number;
        ranges: [number, number][];
      }[];
      readonly devices: readonly {
        name: string;
        instance: number;
        state: string;
        fields: { field: string; a: unknown }[];
      }[];
      readonly guestPhysical: readonly {
        block: string;
        guestPhysical: number;
        length: number;
        added: number;
        removed: number;
        changed: number;
      }[];
    }
    const report = await stillframe<Report>('diff', at('a.mapped'), at('b.mapped'));
    const ram = report.blocks.find(({ name }) => name === 'pc.ram');
    const pages = (ram?.ranges ?? []).flatMap(([first, count]) =>
      Array.from({ length: count }, (_, index) => first + index),
    );
    expect(pages.filter((page) => !isCovered(page * PAGE))).toEqual(expected);
    expect((ram?.added ?? 0) + (ram?.removed ?? 0) + (ram?.changed ?? 0)).toBe(pages.length);
    expect(ram?.changed).toBeGreaterThan(0);
    // By guest-physical range: RAM up to 640 KiB and from 1 MiB on, where the picture shows the same memory.
    const ranges = report.guestPhysical.filter(({ block }) => block === 'pc.ram');
    for (const range of ranges.filter((one) => one.guestPhysical !== COVERED.start)) {
      const end = range.guestPhysical + range.length;
      const inside = expected.filter((page) => page * PAGE >= range.guestPhysical && page * PAGE < end);
      if (!isCovered(range.guestPhysical))
        expect([range, range.added + range.removed + range.changed]).toEqual([range, inside.length]);
    }
    expect(ranges.reduce((sum, { length }) => sum + length, 0)).toBeGreaterThan(MEMORY - MIB);
    for (const { name, ranges } of report.blocks) if (/bios|rom/.test(name)) expect([name, ranges]).toEqual([name, []]);
    const timer = report.devices.find(({ name }) => name === 'timer');
    expect(timer?.fields.map(({ field }) => field)).toContain('cpu_clock_offset');
    expect(report.devices.map(({ name }) => name)).toContain('cpu');
    expect(report.devices.every(({ state }) => state === 'changed')).toBe(true);
  });

  it('of the structure tells which parts differ, and where they lie', async () => {
    interface Layout {
      readonly layout: readonly {
        part: string;
        state: string;
        fields: readonly { field: string; a: string | null; b: string | null }[];
      }[];
    }
    interface Inspected {
      readonly ramBlocks: readonly { name: string; pagesPresent: number }[];
    }
    const { layout } = await stillframe<Layout>('diff', at('a.mapped'), at('b.mapped'), '--layout');
    const present = async (name: string): Promise<string> => {
      const { ramBlocks } = await stillframe<Inspected>('inspect', at(name));
      return String(ramBlocks.find((block) => block.name === 'pc.ram')?.pagesPresent);
    };
    expect(layout.find(({ part }) => part === 'block pc.ram')).toEqual({
      part: 'block pc.ram',
      state: 'changed',
      fields: [{ field: 'present pages', a: await present('a.mapped'), b: await present('b.mapped') }],
    });
    expect(await stillframe('diff', at('a.mapped'), at('a.mapped'), '--layout')).toEqual({ layout: [], more: false });
    const { code, stderr } = await runCli(['diff', 'a.mapped', 'a.image', '--layout'], { env, cwd: folder });
    expect([code, stderr]).toEqual([2, expect.stringMatching(/a\.image.*\.\n$/)]);
  });

  it('of a moment and itself has nothing', async () => {
    const report = await stillframe<{
      blocks: { added: number; removed: number; changed: number }[];
      devices: unknown[];
    }>(...['diff', at('a.mapped'), at('a.mapped')]);
    expect(report.devices).toEqual([]);
    expect(report.blocks.every(({ added, removed, changed }) => added + removed + changed === 0)).toBe(true);
  });
});

describe('export', () => {
  it('of a block is its memory, holes as holes', async () => {
    await stillframe('export', at('a.mapped'), '--to', 'raw', '--block', 'pc.ram', '--out', 'ram.image');
    const [own, image] = await Promise.all([readFile(at('ram.image')), readFile(at('a.image'))]);
    expect(own.length).toBe(MEMORY);
    expect(own.compare(image, 0, COVERED.start, 0, COVERED.start)).toBe(0);
    expect(own.compare(image, COVERED.end, MEMORY, COVERED.end, MEMORY)).toBe(0);
    const { blocks } = await stat(at('ram.image'));
    expect(blocks * 512).toBeLessThan(MEMORY * 0.9);
    const range = ['--range', '0x1000123-0x1234567'];
    await stillframe('export', at('a.mapped'), '--to', 'raw', '--block', 'pc.ram', ...range, '--out', 'part.image');
    expect((await readFile(at('part.image'))).equals(image.subarray(0x1000123, 0x1234567))).toBe(true);
  });

  it('never writes over anything and leaves nothing behind', async () => {
    const before = await readdir(folder);
    const { code, stderr } = await runCli(['export', 'a.mapped', '--to', 'raw', '--out', 'a.image'], {
      env,
      cwd: folder,
    });
    expect([code, stderr]).toEqual([2, expect.stringContaining('already')]);
    const wrong = await runCli(
      ['export', 'a.mapped', '--to', 'raw', '--block', 'pc.ram', '--range', '1G-2G', '--out', 'none'],
      { env, cwd: folder },
    );
    expect(wrong.code).toBe(2);
    expect(await readdir(folder)).toEqual(before);
  });

  it('of the devices is what devices prints', async () => {
    await stillframe('export', at('a.mapped'), '--to', 'json', '--out', 'devices.json');
    const own = JSON.parse(await readFile(at('devices.json'), 'utf8')) as unknown;
    expect(own).toEqual(await stillframe('devices', at('a.mapped')));
  });

  it('of a report says what inspect says, and what is stale', async () => {
    await stillframe('export', at('a.mapped'), '--to', 'report-json', '--out', 'report.json');
    const own = JSON.parse(await readFile(at('report.json'), 'utf8')) as FileReport;
    const inspected = await stillframe<InspectReport>('inspect', at('a.mapped'));
    expect(own.sections).toEqual(inspected.sections);
    expect(own.ramBlocks.map(({ allocation: _, ...block }) => block)).toEqual(inspected.ramBlocks);
    expect(own.devices).toHaveLength((await stillframe<DevicesReport>('devices', at('a.mapped'))).devices.length);
    expect(own.devices.every(({ described }) => described)).toBe(true);
    // The guest was stopped: each page was written once or not at all.
    expect(own.ramBlocks.map(({ allocation }) => allocation)).toEqual(own.ramBlocks.map(() => ({ stale: 0, lost: 0 })));
    await stillframe('export', at('a.mapped'), '--to', 'report', '--out', 'report.md');
    const text = await readFile(at('report.md'), 'utf8');
    expect(text).toMatch(/^# a\.mapped\n/);
    expect(text).toContain(`| pc.ram | 256 MiB | 4096 | 65536 | ${own.ramBlocks[0]?.pagesPresent} | 0 | 0 |`);
  });

  it('of bytes is a part of the file', async () => {
    await stillframe('export', at('a.mapped'), '--to', 'bytes', '--range', '3-1M', '--out', 'bytes.bin');
    expect((await readFile(at('bytes.bin'))).equals((await readFile(at('a.mapped'))).subarray(3, MIB))).toBe(true);
  });
});

describe('a core file', () => {
  const core = (): string => at('own.core');
  beforeAll(async () => {
    await stillframe('export', at('a.mapped'), '--to', 'elf', '--out', core());
  }, 60_000);

  it('is clean to readelf, and has the memory that QEMU’s own has', async () => {
    const { stdout, stderr } = await run('readelf', ['-W', '-l', '-h', core()]);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/Type: +CORE/);
    expect(stdout).toMatch(/Machine: +Advanced Micro Devices X86-64/);
    const image = await readFile(at('a.image'));
    const own = await readFile(core());
    let covered = 0;
    for (const [, offset, address, length] of stdout.matchAll(/LOAD +0x(\w+) 0x\w+ 0x(\w+) 0x(\w+)/g)) {
      const [from, to, bytes] = [offset, address, length].map((digits) => Number.parseInt(digits ?? '', 16)) as [
        number,
        number,
        number,
      ];
      for (let done = 0; done < bytes && to + done < MEMORY; done += PAGE) {
        if (isCovered(to + done)) continue;
        expect(own.compare(image, to + done, to + done + PAGE, from + done, from + done + PAGE)).toBe(0);
        covered += PAGE;
      }
    }
    expect(covered).toBe(MEMORY - (COVERED.end - COVERED.start));
    expect((await stat(core())).blocks * 512).toBeLessThan(MEMORY * 0.9);
  });

  it('has the notes about its CPUs that QEMU’s own has, byte for byte', async () => {
    const notesOf = async (path: string): Promise<readonly string[]> => {
      const file = await readFile(path);
      const { stdout } = await run('readelf', ['-W', '-l', path]);
      const [, offset, length] = /NOTE +0x(\w+) 0x\w+ 0x\w+ 0x(\w+)/.exec(stdout) ?? [];
      const notes: string[] = [];
      let place = Number.parseInt(offset ?? '', 16);
      for (const end = place + Number.parseInt(length ?? '', 16); place < end;) {
        const [nameBytes, bytes, type] = [
          file.readUInt32LE(place),
          file.readUInt32LE(place + 4),
          file.readUInt32LE(place + 8),
        ];
        const name = file.toString('latin1', place + 12, place + 12 + nameBytes - 1);
        const content = place + 12 + Math.ceil(nameBytes / 4) * 4;
        notes.push(`${name} ${type} ${file.toString('hex', content, content + bytes)}`);
        place = content + Math.ceil(bytes / 4) * 4;
      }
      return notes;
    };
    const own = await notesOf(core());
    expect(own.filter((note) => !note.startsWith('VMCOREINFO'))).toEqual(await notesOf(at('qemu.core')));
    expect(own.filter((note) => note.startsWith('CORE 1 '))).toHaveLength(2);
    // What the kernel itself keeps for whoever reads its dumps.
    const [info] = own.filter((note) => note.startsWith('VMCOREINFO 0 '));
    expect(Buffer.from(info?.split(' ')[2] ?? '', 'hex').toString()).toMatch(/^OSRELEASE=\d.*\n(.*\n)*SYMBOL\(/);
  });

  it('is read by gdb: memory and registers', async () => {
    const image = await readFile(at('a.image'));
    const address = 0x1000000;
    const commands = [
      'info threads',
      `x/4gx ${address}`,
      'thread 1',
      'info registers rip rsp cr3',
      'thread 2',
      'info registers rip',
    ];
    const { stdout } = await run('gdb', [
      '-nx',
      '-batch',
      ...commands.flatMap((command) => ['-ex', command]),
      '-c',
      core(),
    ]);
    const words = Array.from({ length: 4 }, (_, index) => image.readBigUInt64LE(address + index * 8));
    const shown = [...stdout.matchAll(/0x([\da-f]{16})/g)].map(([, digits]) => BigInt(`0x${digits ?? ''}`));
    for (const word of words) expect(shown).toContain(word);
    for (const [index, cpu] of registers.entries()) {
      expect(stdout).toMatch(new RegExp(`rip +0x${(cpu['rip'] ?? 0n).toString(16)}\\b`));
      if (index === 0) expect(stdout).toMatch(new RegExp(`rsp +0x${(cpu['rsp'] ?? 0n).toString(16)}\\b`));
    }
  });

  it('is read by drgn, which knows it for a kernel’s', async () => {
    const image = await readFile(at('a.image'));
    const printed = await runDrgn(
      core(),
      [
        `print(prog.read(0x1000000, 64, physical=True).hex())`,
        'print(bool(prog.flags & drgn.ProgramFlags.IS_LINUX_KERNEL))',
        'print(prog["UTS_RELEASE"].string_().decode())',
      ].join('\n'),
    );
    const [memory, isKernel, release] = printed.trim().split('\n');
    expect(memory).toBe(image.toString('hex', 0x1000000, 0x1000000 + 64));
    expect(isKernel).toBe('True');
    expect(release).toMatch(/^\d+\.\d+/);
  });
});
