/** The classes of pages, on Linux guests of which it is known from elsewhere what is in their pages. */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PAGE_CLASSES, type PageClass } from '../../src-shared/contracts/inspector-pages';
import { classOf } from '../../src-shared/contracts/page-scan';
import { createPageScan } from '../../src-worker/page-scan/service';
import { armArgv, armGuest } from '../support/arm-guest';
import { devicesOfFile, leaseOf } from '../support/devices';
import { hmp } from '../support/guest-pages';
import { writeInitramfs } from '../support/initramfs';
import { linuxArgv, linuxGuest } from '../support/linux-guest';
import { readMappedFile } from '../support/mapped-file';
import { PlainQemu } from '../support/plain-qemu';
import { parseRegisters } from '../support/registers';
import { SerialConsole } from '../support/serial-console';
import { makeTempDir, removeTempDir } from '../support/temp';

const MIB = 2 ** 20;
const PAGE = 4096;
let folder = '';
beforeAll(async () => {
  folder = await makeTempDir('sfk');
});
afterAll(() => removeTempDir(folder));

/** Pages of one block, each with the class that it has. */
type Classes = ReadonlyMap<number, PageClass>;

async function classesOf(path: string, block: string, pages: number): Promise<Classes> {
  const scan = createPageScan();
  await scan.openPages(await leaseOf(path));
  const classes = new Map<number, PageClass>();
  for (let first = 0; first < pages; first += 4096) {
    const { looks } = await scan.classifyPages(block, first, 4096);
    for (const [index, look] of looks.entries()) classes.set(first + index, PAGE_CLASSES[classOf(look)] ?? 'unknown');
  }
  await scan.closePages();
  return classes;
}

/** How many of the pages have each class. */
function tally(classes: Classes, pages: Iterable<number>): Record<PageClass, number> {
  const counts = { unknown: 0, zero: 0, text: 0, code: 0, pointers: 0, compressed: 0, other: 0 };
  for (const page of pages) counts[classes.get(page) ?? 'unknown'] += 1;
  return counts;
}

/** The share of a class among the pages that hold anything. */
function shareOf(what: string, classes: Classes, pages: Iterable<number>, wanted: PageClass): number {
  const counts = tally(classes, pages);
  const filled = Object.values(counts).reduce((sum, count) => sum + count, 0) - counts.zero - counts.unknown;
  const share = counts[wanted] / filled;
  console.log(`${what}: ${(share * 100).toFixed(1)} % of ${filled} pages are ${wanted}; ${JSON.stringify(counts)}`);
  return share;
}

async function untilReady(serial: string): Promise<void> {
  const console = await SerialConsole.open(serial);
  try {
    await console.ready();
  } finally {
    console.close();
  }
}

/** Stops the guest while a process runs, whose tables are then in use; its registers. */
async function stoppedInProcess(vm: PlainQemu): Promise<string> {
  for (let attempt = 0; attempt < 200; attempt++) {
    await vm.qmp('stop');
    const registers = await hmp(vm, 'info registers -a');
    if (registers.includes('CPL=3')) return registers;
    await vm.qmp('cont');
  }
  throw new Error('no process was met');
}

/** Lines such as a log has them, no two alike. */
function someLog(bytes: number): Buffer {
  const lines: string[] = [];
  for (let line = 0, length = 0; length < bytes; line++) {
    const hash = createHash('sha256').update(String(line)).digest('hex');
    lines.push(
      `${line} [${hash.slice(0, 6)}] eth0: link is ${line % 3 === 0 ? 'up' : 'down'}, ${Number(`0x${hash.slice(6, 10)}`)} packets\n`,
    );
    length += lines.at(-1)?.length ?? 0;
  }
  return Buffer.from(lines.join('')).subarray(0, bytes);
}

const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');

const ADDRESS = 0x000f_ffff_ffff_f000n;

/** Where the linker and the kernel fill executable pages up, with a byte that traps. */
const isFilling = (memory: Buffer, page: number): boolean =>
  memory.subarray(page * PAGE, (page + 1) * PAGE).filter((byte) => byte === 0xcc).length > PAGE * 0.75;

interface Frames {
  readonly tables: Set<number>;
  readonly kernelText: Set<number>;
  readonly userText: Set<number>;
  /** The kernel's array of a struct for each page, which are full of lists. */
  readonly pageStructs: Set<number>;
}

/** Pages by what the guest's 4-level page tables use them for. */
function walkX86(memory: Buffer, root: bigint): Frames {
  const frames = {
    tables: new Set<number>(),
    kernelText: new Set<number>(),
    userText: new Set<number>(),
    pageStructs: new Set<number>(),
  };
  const pages = memory.length / PAGE;
  const map = (address: bigint, frame: number, size: number, executable: boolean, user: boolean): void => {
    const signed = BigInt.asUintN(64, BigInt.asIntN(48, address));
    const inRam = Array.from({ length: size }, (_, index) => frame + index).filter((page) => page < pages);
    const set =
      signed >= 0xffff_ea00_0000_0000n && signed < 0xffff_eb00_0000_0000n
        ? frames.pageStructs
        : !executable
          ? null
          : user
            ? frames.userText
            : signed >= 0xffff_ffff_8000_0000n
              ? frames.kernelText
              : null;
    for (const page of inRam) if (!isFilling(memory, page)) set?.add(page);
  };
  const walk = (table: number, level: number, base: bigint, executable: boolean, user: boolean): void => {
    if (table >= pages) return;
    frames.tables.add(table);
    for (let index = 0; index < 512; index++) {
      const entry = memory.readBigUInt64LE(table * PAGE + index * 8);
      if (entry % 2n === 0n) continue;
      const address = base + (BigInt(index) << BigInt(12 + 9 * level));
      const frame = Number((entry & ADDRESS) / BigInt(PAGE));
      const may = { executable: executable && entry >> 63n === 0n, user: user && (entry & 4n) !== 0n };
      const large = level > 0 && (entry & 0x80n) !== 0n;
      if (level === 0 || large)
        map(address, large ? frame - (frame % 2) : frame, 512 ** level, may.executable, may.user);
      else walk(frame, level - 1, address, may.executable, may.user);
    }
  };
  walk(Number((root & ADDRESS) / BigInt(PAGE)), 3, 0n, true, true);
  return frames;
}

/** Pages that hold a whole page of a file. */
function pagesWith(memory: Buffer, file: Buffer): Set<number> {
  const wanted = new Set<string>();
  for (let at = 0; at + PAGE <= file.length; at += PAGE) wanted.add(md5(file.subarray(at, at + PAGE)));
  const found = new Set<number>();
  for (let page = 0; page * PAGE < memory.length; page++) {
    if (wanted.has(md5(memory.subarray(page * PAGE, (page + 1) * PAGE)))) found.add(page);
  }
  return found;
}

describe('an x86-64 Linux guest', () => {
  let classes: Classes;
  let memory: Buffer;
  let frames: Frames;
  let files: Readonly<Record<'text' | 'gzip', Buffer>>;

  beforeAll(async () => {
    const { kernel, initrd, sha256 } = await linuxGuest();
    expect(sha256).toHaveLength(64);
    const text = someLog(2 * MIB);
    const gzip = gzipSync(someLog(16 * MIB));
    // A second archive behind the first: the kernel unpacks both.
    const archive = writeInitramfs([
      { path: 'log', kind: 'file', bytes: text },
      { path: 'log.gz', kind: 'file', bytes: gzip },
    ]);
    const both = join(folder, 'initrd');
    await writeFile(both, Buffer.concat([await readFile(initrd), archive]));
    const serial = join(folder, 'serial');
    // Everything stands where it is linked to, and one table maps kernel and process.
    const more = ['-append', 'console=ttyS0 quiet nokaslr nopti'];
    const argv = linuxArgv({ kernel, initrd: both, sha256 }, { serial, cpu: 'max,la57=off', memoryMiB: 256, more });
    const path = join(folder, 'linux');
    let root: bigint;
    const vm = await PlainQemu.start({ argv, folder });
    try {
      await untilReady(serial);
      root = parseRegisters(await stoppedInProcess(vm))[0]?.['cr3'] ?? 0n;
      await vm.save(`file:${path}`, { mappedRam: true });
    } finally {
      await vm.stop();
    }
    const ram = readMappedFile(path).blocks.find(({ name }) => name === 'pc.ram');
    if (ram === undefined) throw new Error('there is no pc.ram');
    ({ memory } = ram);
    classes = await classesOf(path, 'pc.ram', memory.length / PAGE);
    frames = walkX86(memory, root);
    files = { text, gzip };
  }, 180_000);

  it('has its kernel’s text in pages of code', () => {
    expect(frames.kernelText.size).toBeGreaterThan(1000);
    expect(shareOf('kernel text', classes, frames.kernelText, 'code')).toBeGreaterThan(0.98);
  });

  it('has a program’s text in pages of code', () => {
    expect(frames.userText.size).toBeGreaterThan(5);
    expect(shareOf('program text', classes, frames.userText, 'code')).toBeGreaterThan(0.9);
  });

  it('has page tables, and the kernel’s structs of pages, in pages of pointers', () => {
    expect(shareOf('page tables', classes, frames.tables, 'pointers')).toBeGreaterThan(0.9);
    expect(shareOf('structs of pages', classes, frames.pageStructs, 'pointers')).toBeGreaterThan(0.7);
  });

  it('has a log in pages of text, and a compressed one in compressed pages', () => {
    const [text, gzip] = [pagesWith(memory, files.text), pagesWith(memory, files.gzip)];
    expect(text.size).toBeGreaterThanOrEqual(512);
    expect(shareOf('log', classes, text, 'text')).toBe(1);
    expect(gzip.size).toBeGreaterThan(200);
    expect(shareOf('compressed log', classes, gzip, 'compressed')).toBeGreaterThan(0.99);
  });
});

describe('an AArch64 Linux guest', () => {
  it('has its kernel’s text in pages of code', async () => {
    const serial = join(folder, 'serial-arm');
    const guest = await armGuest();
    const path = join(folder, 'arm');
    const vm = await PlainQemu.start({ program: guest.program, argv: armArgv(guest, serial), folder });
    try {
      await untilReady(serial);
      await vm.save(`file:${path}`, { mappedRam: true });
    } finally {
      await vm.stop();
    }
    const ram = readMappedFile(path).blocks.find(({ name }) => name === 'mach-virt.ram');
    if (ram === undefined) throw new Error('there is no mach-virt.ram');
    const registers = (await devicesOfFile(path)).devices.find(({ name }) => name === 'cpu')?.registers ?? {};
    const root = registers['ttbr1_el1'];
    const text = armKernelText(ram.memory, BigInt(typeof root === 'object' ? 0 : (root ?? 0)));
    expect(text.size).toBeGreaterThan(1000);
    const classes = await classesOf(path, 'mach-virt.ram', ram.memory.length / PAGE);
    expect(shareOf('AArch64 kernel text', classes, text, 'code')).toBeGreaterThan(0.95);
  }, 180_000);
});

/** Pages that the kernel may run: 4 KiB granule, 48 bits, RAM from 1 GiB on. */
function armKernelText(memory: Buffer, root: bigint): Set<number> {
  const found = new Set<number>();
  const frameOf = (entry: bigint): number => Number((entry & 0x0000_ffff_ffff_f000n) / BigInt(PAGE)) - 2 ** 30 / PAGE;
  const walk = (table: number, level: number): void => {
    if (table < 0 || (table + 1) * PAGE > memory.length) return;
    for (let index = 0; index < 512; index++) {
      const entry = memory.readBigUInt64LE(table * PAGE + index * 8);
      if (entry % 2n === 0n) continue;
      if (level > 0 && (entry & 2n) !== 0n) walk(frameOf(entry), level - 1);
      else if ((entry & (1n << 53n)) === 0n) {
        for (let page = 0; page < 512 ** level; page++) found.add(frameOf(entry) + page);
      }
    }
  };
  walk(frameOf(root), 3);
  return new Set([...found].filter((page) => page >= 0 && page < memory.length / PAGE));
}
