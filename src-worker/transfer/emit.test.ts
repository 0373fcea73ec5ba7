import { execFileSync } from 'node:child_process';
import { open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readMappedFile } from '../../test/support/mapped-file';
import { randomStream, type RandomOptions, type RandomStream } from '../../test/support/random-stream';
import { buildLibvirtHeader, buildStream } from '../../test/support/stream-builder';
import { tempDirPerTest } from '../../test/support/temp';
import { joinAll, leaseOf, leaseOfNew, runTransfer } from '../../test/support/transfers';
import { openPath } from '../io/file-source';
import { inspectSnapshot } from '../snapshot/inspect';
import { openSnapshot } from '../snapshot/open';
import { outlineStream } from './outline';
import { createTransferApi } from './service';

const temp = tempDirPerTest();
const at = (name: string): string => join(temp(), name);
const api = createTransferApi();

async function inspect(path: string) {
  const source = await openPath(path);
  try {
    return await inspectSnapshot(await openSnapshot(source));
  } finally {
    await source.close();
  }
}

/** A mapped-ram file with the memory of a random stream. */
async function mappedFile(name: string, seed: number, options: RandomOptions = {}): Promise<RandomStream> {
  const stream = randomStream(seed, options);
  await writeFile(at(`${name}.source`), stream.bytes);
  const source = await leaseOf(at(`${name}.source`));
  await runTransfer(api, { kind: 'ingest', source, target: await leaseOfNew(at(name)) });
  return stream;
}

/** Every record of a stream that `emit` wrote, played: the memory, and how often each page was told. */
function play(bytes: Buffer, { blocks, pageSize }: RandomStream) {
  const memory = blocks.map(({ usedLength }) => Buffer.alloc(usedLength, 0xee));
  const told = blocks.map(({ usedLength }) => new Uint8Array(usedLength / pageSize));
  let position = bytes.indexOf('\x03ram\0\0\0\0\0\0\0\x04', 0, 'latin1') + 12 + 8;
  for (const { name } of blocks) position += 1 + name.length + 8;
  for (let block = -1; ;) {
    const word = Number(bytes.readBigUInt64BE(position));
    position += 8;
    if (word === 0x10) return { memory, told, end: position };
    const flags = word % 1024;
    if ((flags & 0x20) === 0) {
      const length = bytes.readUInt8(position);
      block = blocks.findIndex(({ name }) => name === bytes.toString('utf8', position + 1, position + 1 + length));
      position += 1 + length;
    }
    const address = word - flags;
    const [page, list] = [address / pageSize, told[block]];
    if (list === undefined) throw new Error('a record of no block');
    list[page] = (list[page] ?? 0) + 1;
    if ((flags & 0x08) !== 0) {
      bytes.copy(memory[block] ?? Buffer.alloc(0), address, position, position + pageSize);
      position += pageSize;
    } else {
      expect(flags & 0x02, `flags ${flags}`).toBe(0x02);
      memory[block]?.fill(bytes.readUInt8(position), address, address + pageSize);
      position += 1;
    }
  }
}

const VARIANTS: readonly (readonly [string, RandomOptions])[] = [
  ['as QEMU writes it', {}],
  ['without footers', { more: { footers: false } }],
  ['without CONFIGURATION', { more: { machine: null } }],
  ['without a description', { more: { description: 'none' } }],
  ['with pages of 64 KiB', { pageSize: 65536, tellsPageSize: true }],
  ['with pages of 1 KiB', { pageSize: 1024 }],
];

describe('a mapped-ram file made into a stream', () => {
  it.each(VARIANTS)('%s tells every page once, zero or not', async (_, options) => {
    const stream = await mappedFile('mapped', 11, options);
    const target = await leaseOfNew(at('stream'));
    const end = await runTransfer(api, { kind: 'emit', source: await leaseOf(at('mapped')), target });
    const emitted = await readFile(at('stream'));
    const { memory, told } = play(emitted, stream);
    expect(memory.every((block, index) => block.equals(stream.memory[index] ?? Buffer.alloc(0)))).toBe(true);
    expect(told.every((pages) => pages.every((times) => times === 1))).toBe(true);
    expect(end).toMatchObject({ form: 'mapped-ram', fraction: 1, bytesWritten: emitted.length });
    expect(end.pages).toBe(stream.present.reduce((sum, { size }) => sum + size, 0));
    const report = await inspect(at('stream'));
    expect(report).toMatchObject({ complete: true, capabilities: [] });
    expect(report.problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  it('keeps everything but its pages byte for byte: there and back gives the same file', async () => {
    await mappedFile('one', 12);
    const [stream, two] = [await leaseOfNew(at('stream')), await leaseOfNew(at('two'))];
    await runTransfer(api, { kind: 'emit', source: await leaseOf(at('one')), target: stream });
    await runTransfer(api, { kind: 'ingest', source: stream, target: two });
    expect((await readFile(at('two'))).equals(await readFile(at('one')))).toBe(true);
  });

  it('goes through a pipe whose reader takes its time', async () => {
    await mappedFile('mapped', 13);
    execFileSync('mkfifo', [at('pipe')]);
    const reader = await open(at('pipe'), 'r+');
    const expected = await leaseOfNew(at('stream'));
    await runTransfer(api, { kind: 'emit', source: await leaseOf(at('mapped')), target: expected });
    const whole = await readFile(at('stream'));
    await api.beginTransfer({ kind: 'emit', source: await leaseOf(at('mapped')), target: await leaseOf(at('pipe')) });
    const read: Buffer[] = [];
    let size = 0;
    for (let done = false; !done || size < whole.length;) {
      if (!done) ({ done } = await api.stepTransfer());
      const piece = Buffer.alloc(200_000);
      const { bytesRead } = await reader.read(piece, 0, Math.min(piece.length, whole.length - size));
      read.push(piece.subarray(0, bytesRead));
      size += bytesRead;
    }
    await reader.close();
    expect(Buffer.concat(read).equals(whole)).toBe(true);
  });

  it('fails when the reader of the pipe goes away, and does not wait for ever', async () => {
    await mappedFile('mapped', 14, { pageSize: 65536, tellsPageSize: true });
    execFileSync('mkfifo', [at('pipe')]);
    const reader = await open(at('pipe'), 'r+');
    await api.beginTransfer({ kind: 'emit', source: await leaseOf(at('mapped')), target: await leaseOf(at('pipe')) });
    // The pipe is full by now, and the rest waits.
    expect((await api.stepTransfer()).done).toBe(false);
    await reader.close();
    await expect(api.stepTransfer()).rejects.toMatchObject({ failure: { code: 'file.io' } });
  });

  it('can be given up while its pipe is full', async () => {
    await mappedFile('mapped', 15, { pageSize: 65536, tellsPageSize: true });
    execFileSync('mkfifo', [at('pipe')]);
    const reader = await open(at('pipe'), 'r+');
    await api.beginTransfer({ kind: 'emit', source: await leaseOf(at('mapped')), target: await leaseOf(at('pipe')) });
    expect((await api.stepTransfer()).done).toBe(false);
    const began = performance.now();
    await api.endTransfer();
    expect(performance.now() - began).toBeLessThan(1000);
    await reader.close();
  });

  it('comes out of a libvirt image', async () => {
    const header = buildLibvirtHeader();
    const blocks = [{ name: 'pc.ram', usedLength: 100 * 4096, present: [3, 4, 65] }];
    const image = Buffer.from(buildStream({ blocks, at: header.length }));
    image.set(header);
    await writeFile(at('image'), image);
    await runTransfer(api, {
      kind: 'emit',
      source: await leaseOf(at('image')),
      target: await leaseOfNew(at('stream')),
    });
    expect(await inspect(at('stream'))).toMatchObject({ complete: true, container: { kind: 'qemu', streamOffset: 0 } });
  });

  it.each([
    ['cut off in its devices', (whole: Buffer) => whole.subarray(0, whole.length - 400), 'format.truncated'],
    ['cut off in its pages', (whole: Buffer) => whole.subarray(0, 1024 * 1024 + 5000), 'format.truncated'],
    ['that is a stream', null, 'format.unsupported'],
  ] as const)('is refused before anything is written when the file is one %s', async (_, change, code) => {
    await mappedFile('mapped', 16);
    const whole = await readFile(at('mapped'));
    await writeFile(at('file'), change === null ? await readFile(at('mapped.source')) : change(whole));
    const setup = { kind: 'emit' as const, source: await leaseOf(at('file')), target: await leaseOfNew(at('stream')) };
    await expect(api.beginTransfer(setup)).rejects.toMatchObject({ failure: { code } });
    expect((await stat(at('stream'))).size).toBe(0);
  });
});

describe('one block as an image', () => {
  it.each([
    ['pc.ram', 0],
    ['/rom@etc/acpi/tables', 2],
    [null, 0],
  ] as const)('%s is its memory, with holes where pages are zero', async (block, index) => {
    const stream = await mappedFile('mapped', 17);
    const target = await leaseOfNew(at('image'));
    const end = await runTransfer(api, { kind: 'raw', source: await leaseOf(at('mapped')), target, block });
    const memory = stream.memory[index] ?? Buffer.alloc(0);
    expect((await readFile(at('image'))).equals(memory)).toBe(true);
    expect((await stat(at('image'))).blocks * 512).toBeLessThanOrEqual((stream.present[index]?.size ?? 0) * 4096);
    expect(end.pages + end.zeroPages).toBe(memory.length / 4096);
  });

  it('that is not there is refused with the names of those that are', async () => {
    await mappedFile('mapped', 18);
    const setup = { kind: 'raw' as const, source: await leaseOf(at('mapped')), target: await leaseOfNew(at('image')) };
    await expect(api.beginTransfer({ ...setup, block: 'ram' })).rejects.toThrow(/pc\.ram, 0000:00:01\.0\/vga\.vram/);
  });
});

describe('a file split from its memory', () => {
  it('lists every block and has the pages of all but those that are elsewhere', async () => {
    const stream = await mappedFile('mapped', 19);
    const target = await leaseOfNew(at('state'));
    const length = await api.split(await leaseOf(at('mapped')), target, ['pc.ram']);
    const state = await readFile(at('state'));
    expect(state.length).toBe(length);
    const { memory, told } = play(state, stream);
    expect(told[0]?.every((times) => times === 0)).toBe(true);
    expect(told.slice(1).every((pages) => pages.every((times) => times === 1))).toBe(true);
    expect(memory.slice(1).every((block, index) => block.equals(stream.memory[index + 1] ?? Buffer.alloc(0)))).toBe(
      true,
    );
    expect(await outlineStream(target)).toEqual(
      stream.blocks.map((block, index) => ({ ...block, inStream: index > 0 })),
    );
  });

  it('and joined with it again is what it was', async () => {
    const stream = await mappedFile('mapped', 20);
    const file = readMappedFile(at('mapped'));
    const [ram] = file.blocks;
    if (ram === undefined) throw new Error('no block');
    const state = await leaseOfNew(at('state'));
    await api.split(await leaseOf(at('mapped')), state, ['pc.ram']);
    const plan = file.blocks.map(({ name, usedLength, pageSize, pagesOffset }) => ({
      name,
      usedLength,
      pageSize,
      pagesOffset,
    }));
    const target = await leaseOfNew(at('joined'));
    const handle = await open(at('joined'), 'r+');
    const copied = new Uint8Array(Math.ceil(ram.usedLength / 4096 / 8));
    for (const page of ram.present) {
      copied[page >> 3] = (copied[page >> 3] ?? 0) | (1 << (page & 7));
      await handle.write(ram.memory, page * 4096, 4096, ram.pagesOffset + page * 4096);
    }
    await handle.close();
    const joined = await joinAll(api, { state, target, plan, copied: { 'pc.ram': copied } });
    expect((await readFile(at('joined'))).equals(await readFile(at('mapped')))).toBe(true);
    const present = stream.present.map(({ size }) => size);
    expect(joined).toEqual({
      fileBytes: file.size,
      streamPages: (present[1] ?? 0) + (present[2] ?? 0),
      presentPages: present.reduce((sum, size) => sum + size, 0),
    });
  });
});
