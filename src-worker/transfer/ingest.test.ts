import { execFileSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { readMappedFile, rawRegion } from '../../test/support/mapped-file';
import { randomStream, type RandomOptions, type RandomStream } from '../../test/support/random-stream';
import { buildLibvirtHeader, buildStream } from '../../test/support/stream-builder';
import { tempDirPerTest } from '../../test/support/temp';
import { leaseOf, leaseOfNew, runTransfer } from '../../test/support/transfers';
import { openPath } from '../io/file-source';
import { inspectSnapshot } from '../snapshot/inspect';
import { openSnapshot } from '../snapshot/open';
import { createTransferApi } from './service';

const MIB = 1024 * 1024;
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

/** The file has the memory that the stream leaves, is whole, and no larger than promised. */
async function expectLaidOut(path: string, stream: RandomStream): Promise<void> {
  const file = readMappedFile(path);
  const shapes = (blocks: RandomStream['blocks']) => blocks.map(({ name, usedLength }) => ({ name, usedLength }));
  expect(shapes(file.blocks)).toEqual(shapes(stream.blocks));
  for (const [index, block] of file.blocks.entries()) {
    expect(block.pageSize).toBe(stream.pageSize);
    expect(block.memory.equals(stream.memory[index] ?? Buffer.alloc(0)), block.name).toBe(true);
    expect(block.present).toEqual(stream.present[index]);
    // Under clear bits there is nothing: a file that is mapped as it stands shows the same memory.
    expect(rawRegion(path, block).equals(block.memory), block.name).toBe(true);
  }
  const overhead = file.blocks.reduce(
    (sum, { usedLength }) => sum + usedLength / stream.pageSize / 8 + 8 + MIB,
    4 * MIB,
  );
  const used = file.blocks.reduce((sum, { usedLength }) => sum + usedLength, 0);
  expect(file.size).toBeLessThanOrEqual(used + overhead);
  expect(file.allocated).toBeLessThanOrEqual(stream.ever * stream.pageSize + overhead);
  const report = await inspect(path);
  expect(report).toMatchObject({ complete: true, capabilities: report.machine === null ? [] : ['mapped-ram'] });
  expect(report.problems.filter(({ severity }) => severity === 'error')).toEqual([]);
}

const VARIANTS: readonly (readonly [string, RandomOptions])[] = [
  ['as QEMU writes it', {}],
  ['with pages in any order from the start', { wholeFirst: false }],
  ['without footers', { more: { footers: false } }],
  ['without an END of RAM, as a background snapshot is', { more: { end: false } }],
  ['without an END of RAM and without footers', { more: { end: false, footers: false } }],
  ['without COMMAND', { more: { command: false } }],
  ['without CONFIGURATION', { more: { machine: null } }],
  ['without a description', { more: { description: 'none' } }],
  ['with bytes behind its end', { more: { trailing: new Uint8Array(5000).fill(7) } }],
  ['with a UUID', { more: { uuid: new Uint8Array(16).fill(9) } }],
  ['with x-ignore-shared and all its blocks', { more: { capabilities: ['x-ignore-shared'] } }],
  ['with pages of 16 KiB, told', { pageSize: 16384, tellsPageSize: true }],
  ['with pages of 64 KiB, told', { pageSize: 65536, tellsPageSize: true }],
  ['with pages of 8 KiB, not told', { pageSize: 8192 }],
  ['with pages of 1 KiB, not told', { pageSize: 1024 }],
];

/** x-ignore-shared streams have an address in each block's record. */
function withAddresses(options: RandomOptions): RandomOptions {
  if (options.more?.capabilities === undefined) return options;
  const { blocks } = randomStream(1, options);
  return { ...options, more: { ...options.more, blocks: blocks.map((block) => ({ ...block, address: 4096 })) } };
}

describe('a stream laid out as mapped-ram', () => {
  it.each(VARIANTS)('%s leaves the same memory', async (_, options) => {
    for (let seed = 1; seed <= 3; seed++) {
      const stream = randomStream(seed, withAddresses(options));
      const [source, target] = [at(`stream-${seed}`), at(`mapped-${seed}`)];
      await writeFile(source, stream.bytes);
      const end = await runTransfer(api, {
        kind: 'ingest',
        source: await leaseOf(source),
        target: await leaseOfNew(target),
      });
      expect(end).toMatchObject({ form: 'stream', fraction: 1 });
      await expectLaidOut(target, stream);
    }
  });

  it.each([1, 2, 3, 4])('comes out of a pipe in pieces of any size (seed %i)', async (seed) => {
    const stream = randomStream(seed);
    const pipe = at('pipe');
    execFileSync('mkfifo', [pipe]);
    // A pipe that nobody writes to is at its end.
    const held = await open(pipe, 'r+');
    const target = await leaseOfNew(at('mapped'));
    await api.beginTransfer({ kind: 'ingest', source: await leaseOf(pipe), target });
    const writer = createWriteStream(pipe);
    const pieces = async (): Promise<void> => {
      for (let done = 0, piece = 1; done < stream.bytes.length; done += piece) {
        piece = Math.min(1 + ((piece * 7919) % (seed * 50_000)), stream.bytes.length - done);
        await new Promise((resolve) => writer.write(stream.bytes.subarray(done, done + piece), resolve));
      }
      writer.end();
      await held.close();
      await finished(writer);
    };
    const written = pieces();
    let end = await api.stepTransfer();
    while (!end.done) {
      expect(end.fraction).toBeNull();
      // The writer needs the event loop, which steps leave to it.
      await new Promise((resolve) => setTimeout(resolve, 1));
      end = await api.stepTransfer();
    }
    await written;
    expect(end.bytesRead).toBe(stream.bytes.length);
    await expectLaidOut(at('mapped'), stream);
  });

  it('keeps devices, their END and description byte for byte', async () => {
    const data = Uint8Array.from({ length: 5000 }, (_, index) => index % 251);
    const stream = randomStream(5, {
      more: {
        devices: [
          { name: 'cpu', data },
          { name: 'timer', data: data.slice(7) },
        ],
      },
    });
    await writeFile(at('stream'), stream.bytes);
    const target = await leaseOfNew(at('mapped'));
    await runTransfer(api, { kind: 'ingest', source: await leaseOf(at('stream')), target });
    const whole = await readFile(at('mapped'));
    // From RAM's END on, the two are the same.
    const end = Buffer.from(stream.bytes).lastIndexOf(Buffer.from('030000000100000000000000107e00000001', 'hex'));
    const tail = Buffer.from(stream.bytes).subarray(end);
    expect(whole.subarray(whole.length - tail.length).equals(tail)).toBe(true);
  });

  it.each([0x7e, 0x00])('devices whose bytes look like footers and ends do not end it (%i)', async (lead) => {
    const tricks = Buffer.concat([
      Buffer.from('7e0000000000', 'hex'),
      Buffer.from('7e00000002', 'hex'),
      Buffer.from('0300000001', 'hex'),
      Buffer.from('7e00000003000600000010', 'hex'),
      Buffer.alloc(300, lead),
    ]);
    const devices = [
      { name: 'a', data: tricks },
      { name: 'b', data: tricks },
    ];
    for (const end of [true, false]) {
      const stream = randomStream(6, { more: { devices, end } });
      await writeFile(at(`stream-${String(end)}`), stream.bytes);
      const target = at(`mapped-${String(end)}`);
      await runTransfer(api, {
        kind: 'ingest',
        source: await leaseOf(at(`stream-${String(end)}`)),
        target: await leaseOfNew(target),
      });
      await expectLaidOut(target, stream);
      const { sections } = await inspect(target);
      expect(sections.map(({ type, name }) => [type, name])).toEqual([
        ['configuration', null],
        ['start', 'ram'],
        ['command', 'SWITCHOVER_START'],
        ['end', 'ram'],
        ['full', 'a'],
        ['full', 'b'],
        ['eof', null],
        ['vmdescription', null],
      ]);
    }
  });

  it.each([true, false])(
    'keeps what is set up before RAM is sent, and where it stands (RAM has an END: %s)',
    async (end) => {
      const stream = randomStream(9, { wholeFirst: false, more: { end } });
      const early = Buffer.concat([
        Buffer.from('04000000400565617274680000000000000001', 'hex'),
        Buffer.alloc(3000, 5),
        Buffer.from('7e00000040', 'hex'),
      ]);
      const command = Buffer.from(stream.bytes).indexOf('08000b0000', 0, 'hex');
      await writeFile(
        at('stream'),
        Buffer.concat([stream.bytes.subarray(0, command), early, stream.bytes.subarray(command)]),
      );
      const target = await leaseOfNew(at('mapped'));
      await runTransfer(api, { kind: 'ingest', source: await leaseOf(at('stream')), target });
      await expectLaidOut(at('mapped'), stream);
      const { sections } = await inspect(at('mapped'));
      expect(sections.map(({ type, name }) => [type, name]).slice(1, 6)).toEqual([
        ['start', 'ram'],
        ['full', 'earth'],
        ['command', 'SWITCHOVER_START'],
        ['end', 'ram'],
        ['full', 'timer'],
      ]);
    },
  );

  it('comes out of a libvirt image, and from behind an offset', async () => {
    const stream = randomStream(7);
    await writeFile(at('libvirt'), Buffer.concat([buildLibvirtHeader({ format: 0 }), stream.bytes]));
    await writeFile(at('offset'), Buffer.concat([Buffer.alloc(12_345, 1), stream.bytes]));
    for (const [name, offset] of [
      ['libvirt', null],
      ['offset', 12_345],
    ] as const) {
      const target = await leaseOfNew(at(`${name}.mapped`));
      await runTransfer(api, { kind: 'ingest', source: await leaseOf(at(name), offset), target });
      await expectLaidOut(at(`${name}.mapped`), stream);
    }
  });

  it('is the same when a mapped-ram file is laid out anew, wherever that began', async () => {
    const stream = randomStream(8, { more: { end: true } });
    await writeFile(at('stream'), stream.bytes);
    await runTransfer(api, {
      kind: 'ingest',
      source: await leaseOf(at('stream')),
      target: await leaseOfNew(at('one')),
    });
    const end = await runTransfer(api, {
      kind: 'ingest',
      source: await leaseOf(at('one')),
      target: await leaseOfNew(at('two')),
    });
    expect(end.form).toBe('mapped-ram');
    await expectLaidOut(at('two'), stream);
    expect((await readFile(at('two'))).equals(await readFile(at('one')))).toBe(true);
  });

  it('of mapped-ram in odd places loses what is stale', async () => {
    const usedLength = 100 * 4096;
    const built = buildStream({ blocks: [{ name: 'pc.ram', usedLength, present: [3, 4, 65] }], at: 5 * 4096 });
    const stale = Buffer.from(built);
    const report = readOffsets(stale);
    stale.fill(0xee, report + 50 * 4096, report + 60 * 4096);
    await writeFile(at('odd'), stale);
    await runTransfer(api, { kind: 'ingest', source: await leaseOf(at('odd')), target: await leaseOfNew(at('new')) });
    const [block] = readMappedFile(at('new')).blocks;
    if (block === undefined) throw new Error('no block');
    expect([...block.present]).toEqual([3, 4, 65]);
    expect(rawRegion(at('new'), block).equals(block.memory)).toBe(true);
    expect(block.memory[3 * 4096]).toBe(0xa5);
  });
});

/** Where the pages of the only block are: the last field of its header, 28 bytes behind its used length. */
function readOffsets(file: Buffer): number {
  const name = file.indexOf('pc.ram', file.indexOf('\x03ram'));
  return Number(file.readBigUInt64BE(name + 6 + 8 + 20));
}

describe('a target', () => {
  it('that is not empty is left alone', async () => {
    await writeFile(at('stream'), randomStream(1).bytes);
    await writeFile(at('target'), 'theirs');
    const refusal = api.beginTransfer({
      kind: 'ingest',
      source: await leaseOf(at('stream')),
      target: await leaseOf(at('target')),
    });
    await expect(refusal).rejects.toMatchObject({ failure: { code: 'file.exists' } });
    expect(await readFile(at('target'), 'utf8')).toBe('theirs');
  });

  it('that is a pipe is refused with its reason', async () => {
    await writeFile(at('stream'), randomStream(1).bytes);
    execFileSync('mkfifo', [at('pipe')]);
    const setup = { kind: 'ingest' as const, source: await leaseOf(at('stream')), target: await leaseOf(at('pipe')) };
    await expect(api.beginTransfer(setup)).rejects.toMatchObject({
      failure: { code: 'channel.not-seekable', what: expect.stringContaining('it is a pipe') as string },
    });
  });

  it('whose transfer was given up is no stream', async () => {
    await writeFile(at('stream'), randomStream(1).bytes);
    await api.beginTransfer({
      kind: 'ingest',
      source: await leaseOf(at('stream')),
      target: await leaseOfNew(at('target')),
    });
    await api.endTransfer();
    await expect(api.stepTransfer()).rejects.toMatchObject({ failure: { code: 'worker.refused' } });
    await expect(inspect(at('target'))).rejects.toMatchObject({ failure: { code: 'format.not-a-stream' } });
  });
});
