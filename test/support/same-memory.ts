/**
 * The judge of a restore: whether a VM holds the memory that another one held, byte for byte. Imports nothing from src-*.
 *
 * Two ways, since neither sees all: what the CPU sees, read by QEMU itself (`pmemsave`) out of the stopped source and out of
 * the destination before it runs; and every RAMBlock, ROMs and hidden memory too, by saving the destination again and
 * comparing the two files with test/independent/compare.mjs.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const COMPARE = join(import.meta.dirname, '../independent/compare.mjs');
const PAGE = 4096;
const CHUNK = 32 * 1024 * 1024;
const SAVE_LIMIT_MS = 60_000;

/** A monitor: `PlainQemu`, or `Monitor` of guest-memory.ts. */
export interface Qmp {
  qmp<T = unknown>(command: string, args?: Readonly<Record<string, unknown>>): Promise<T>;
}

/** A stretch of guest-physical memory that is RAM or ROM. */
export interface MemoryRange {
  readonly start: number;
  readonly length: number;
}

export interface GuestMemory {
  readonly ranges: readonly MemoryRange[];
  /** Guest-physical. */
  read(start: number, length: number): Promise<Buffer>;
}

/** The memory of a VM that is stopped, read when it is asked for. */
export async function memoryOf(vm: Qmp, folder: string): Promise<GuestMemory> {
  await expectStopped(vm);
  return {
    ranges: await rangesOf(vm),
    read: async (start, length) => {
      const file = await dump(vm, folder, start, length);
      try {
        return await readFile(file);
      } finally {
        await rm(file, { force: true });
      }
    },
  };
}

/** The memory of a VM that is stopped, kept in `folder`, so that the VM may go. */
export async function keepMemory(vm: Qmp, folder: string): Promise<GuestMemory> {
  await expectStopped(vm);
  const ranges = await rangesOf(vm);
  const kept: (MemoryRange & { readonly file: string })[] = [];
  for (const { start, length } of ranges) kept.push({ start, length, file: await dump(vm, folder, start, length) });
  return {
    ranges,
    read: async (start, length) => {
      const range = kept.find((one) => one.start <= start && start + length <= one.start + one.length);
      if (range === undefined) throw new Error(`nothing kept at ${start.toString(16)}`);
      const handle = await open(range.file);
      try {
        return (await handle.read(Buffer.alloc(length), 0, length, start - range.start)).buffer;
      } finally {
        await handle.close();
      }
    },
  };
}

/** Throws at the first page that differs. Answers how many bytes were compared, and how many pages were not zero. */
export async function expectSameMemory(
  source: GuestMemory,
  destination: GuestMemory,
): Promise<{ readonly bytes: number; readonly pagesNotZero: number }> {
  if (JSON.stringify(source.ranges) !== JSON.stringify(destination.ranges)) {
    throw new Error(`other RAM: ${describe(source.ranges)} and ${describe(destination.ranges)}`);
  }
  const zero = Buffer.alloc(PAGE);
  let bytes = 0;
  let pagesNotZero = 0;
  for (const range of source.ranges) {
    for (let done = 0; done < range.length; done += CHUNK) {
      const [start, length] = [range.start + done, Math.min(CHUNK, range.length - done)];
      const [a, b] = await Promise.all([source.read(start, length), destination.read(start, length)]);
      const same = a.equals(b);
      for (let at = 0; at < length; at += PAGE) {
        const page = a.subarray(at, at + PAGE);
        if (!same && !page.equals(b.subarray(at, at + PAGE))) throw new Error(pageDiffers(start + at, page, b, at));
        if (!page.equals(zero)) pagesNotZero += 1;
      }
      bytes += length;
    }
  }
  return { bytes, pagesNotZero };
}

function pageDiffers(address: number, page: Buffer, other: Buffer, at: number): string {
  const byte = page.findIndex((value, index) => value !== other[at + index]);
  return (
    `guest-physical page 0x${address.toString(16)} differs from byte ${byte} on: ` +
    `${page.subarray(byte, byte + 16).toString('hex')} there, ` +
    `${other.subarray(at + byte, at + byte + 16).toString('hex')} here`
  );
}

const describe = (ranges: readonly MemoryRange[]): string =>
  ranges.map(({ start, length }) => `0x${start.toString(16)}+0x${length.toString(16)}`).join(' ');

export interface ComparedBlock {
  readonly name: string;
  readonly pages: number;
  readonly notZero: number;
}

/**
 * Compares every RAMBlock of two files, mapped-ram or not, in a process of its own; throws at the first page that differs.
 * Stream offsets are needed where walk.mjs does not find the stream.
 */
export async function expectSameBlocks(
  file: string,
  other: string,
  streamOffsets: readonly number[] = [],
): Promise<readonly ComparedBlock[]> {
  const args = [COMPARE, file, other, ...streamOffsets.map(String)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 24 });
  const { blocks, difference } = JSON.parse(stdout) as {
    blocks: readonly ComparedBlock[];
    difference: { block: string; page: number; byte: number; values: [number, number] } | null;
  };
  if (difference === null) return blocks;
  const { block, page, byte, values } = difference;
  throw new Error(`page ${page} of ${block} differs at byte ${byte}: ${values.join(' in one file, ')} in the other`);
}

/**
 * Compares every RAMBlock of a file with what a VM that was restored from it and has not run since holds now. The VM can run
 * afterwards. Its capabilities are not as before.
 */
export async function expectHoldsBlocksOf(file: string, vm: Qmp, folder: string): Promise<readonly ComparedBlock[]> {
  const again = join(folder, `again-${randomBytes(4).toString('hex')}`);
  try {
    await saveAgain(vm, again);
    return await expectSameBlocks(file, again);
  } finally {
    await rm(again, { force: true });
  }
}

/** A QEMU without mapped-ram has no `file:` either. */
async function saveAgain(vm: Qmp, path: string): Promise<void> {
  await expectStopped(vm);
  const known = await vm.qmp<{ capability: string; state: boolean }[]>('query-migrate-capabilities');
  const mapped = known.some(({ capability }) => capability === 'mapped-ram');
  const wrong = known.filter(({ capability, state }) => state !== (capability === 'mapped-ram'));
  await vm.qmp('migrate-set-capabilities', {
    capabilities: wrong.map(({ capability, state }) => ({ capability, state: !state })),
  });
  await vm.qmp('migrate-set-parameters', { 'max-bandwidth': 0, ...(mapped ? { 'direct-io': false } : {}) });
  await vm.qmp('migrate', { uri: mapped ? `file:${path}` : `exec:cat > '${path}'` });
  for (const deadline = performance.now() + SAVE_LIMIT_MS; ;) {
    const { status, 'error-desc': why } = await vm.qmp<{ status?: string; 'error-desc'?: string }>('query-migrate');
    if (status === 'completed') return;
    if (status === 'failed' || performance.now() > deadline) {
      throw new Error(`saving it again: ${String(status)}: ${String(why)}`);
    }
    await sleep(10);
  }
}

async function expectStopped(vm: Qmp): Promise<void> {
  const { status } = await vm.qmp<{ status: string }>('query-status');
  if (status === 'running') throw new Error('its memory changes: the VM runs');
}

/** RAM and ROM that the CPU sees; the rest would be devices, which a read may change. */
async function rangesOf(vm: Qmp): Promise<readonly MemoryRange[]> {
  const text = await vm.qmp<string>('human-monitor-command', { 'command-line': 'info mtree -f' });
  const view = text.split('FlatView #').find((part) => / AS "memory", root: system\r?$/m.test(part)) ?? '';
  const ranges = [...view.matchAll(/^ {2}([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, (?:ram|rom)\)/gm)].map(
    ([, start = '', last = '']) => ({
      start: parseInt(start, 16),
      length: parseInt(last, 16) - parseInt(start, 16) + 1,
    }),
  );
  if (ranges.length === 0) throw new Error(`no RAM in: ${text.slice(0, 500)}`);
  return ranges;
}

async function dump(vm: Qmp, folder: string, start: number, length: number): Promise<string> {
  const file = join(folder, `memory-${randomBytes(4).toString('hex')}`);
  await vm.qmp('pmemsave', { val: start, size: length, filename: file });
  return file;
}
