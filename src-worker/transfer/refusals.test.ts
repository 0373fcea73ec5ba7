import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildLibvirtHeader, buildStream, type BuiltStream, type Bytes } from '../../test/support/stream-builder';
import { tempDirPerTest } from '../../test/support/temp';
import { leaseOf, leaseOfNew, runTransfer } from '../../test/support/transfers';
import { createTransferApi } from './service';

const temp = tempDirPerTest();
const at = (name: string): string => join(temp(), name);
const api = createTransferApi();

const RAM = { name: 'pc.ram', usedLength: 16 * 4096 };
const page = (bytes: Bytes, address: number): Bytes =>
  bytes
    .uint(address + 0x08, 8)
    .name('pc.ram')
    .raw(Buffer.alloc(4096, 1));

/** A stream with some good pages, and then what `write` writes. */
const after = (write: (bytes: Bytes) => unknown, more: Partial<BuiltStream> = {}): Uint8Array =>
  buildStream({
    mapped: false,
    blocks: [RAM],
    records: [
      (bytes) => {
        for (let good = 0; good < 6; good++) page(bytes, good * 4096);
        write(bytes);
      },
    ],
    ...more,
  });

/** A stream with a command in front of its END. */
function withCommand(command: number, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const whole = Buffer.from(buildStream({ mapped: false, blocks: [RAM], records: [(bytes) => void page(bytes, 0)] }));
  const place = whole.indexOf(Buffer.from('08000b0000', 'hex'));
  const head = Buffer.from([8, 0, command, 0, payload.length]);
  return Buffer.concat([whole.subarray(0, place), head, payload, whole.subarray(place + 5)]);
}

/** What a good page holds. */
const PAGE = Buffer.alloc(4096, 1);

const unsupported: readonly (readonly [string, Uint8Array, RegExp])[] = [
  [
    'XBZRLE',
    after((bytes) =>
      bytes
        .uint(4096 + 0x60, 8)
        .uint(1, 1)
        .uint(3, 2)
        .raw(Buffer.alloc(3)),
    ),
    /XBZRLE.*capability xbzrle/,
  ],
  [
    'compressed pages',
    after((bytes) =>
      bytes
        .uint(4096 + 0x120, 8)
        .uint(3, 4)
        .raw(Buffer.alloc(3)),
    ),
    /COMPRESS_PAGE/,
  ],
  ['RDMA', after((bytes) => bytes.uint(0x80, 8).uint(0, 8)), /RDMA HOOK/],
  ['multifd with packets', after((bytes) => bytes.uint(0x200, 8)), /MULTIFD_FLUSH.*other connections/],
  ['postcopy, advised', withCommand(3, Buffer.alloc(16)), /POSTCOPY_ADVISE/],
  ['postcopy, listening', withCommand(4), /POSTCOPY_LISTEN/],
  ['postcopy, running', withCommand(5), /POSTCOPY_RUN/],
  ['postcopy, discarding', withCommand(6, Buffer.alloc(20)), /POSTCOPY_RAM_DISCARD/],
  ['postcopy, resumed', withCommand(7), /POSTCOPY_RESUME/],
  ['a packaged stream', withCommand(8, Buffer.alloc(4)), /PACKAGED/],
  ['a recovery', withCommand(9, Buffer.alloc(4)), /RECV_BITMAP/],
  ['COLO', withCommand(10), /ENABLE_COLO/],
  [
    'blocks with page sizes of their own',
    after(() => undefined, { blocks: [{ ...RAM, hostPageSize: 2 ** 21 }], command: false }),
    /pc\.ram tells a page size of its own/,
  ],
  ['another capability', after(() => undefined, { capabilities: ['colo'] }), /capability colo/],
  ['pages of half a KiB', after(() => undefined, { targetPageBits: 9 }), /2\^9/],
  ['pages of 16 MiB', after(() => undefined, { targetPageBits: 24 }), /2\^24/],
  [
    'shared memory that is not in it',
    buildStream({
      mapped: false,
      capabilities: ['x-ignore-shared'],
      blocks: [
        { ...RAM, address: 0 },
        { name: 'rom', usedLength: 4096, address: 8192 },
      ],
      records: [(bytes) => void bytes.uint(0x08, 8).name('rom').raw(PAGE)],
    }),
    /the memory of pc\.ram is not in it \(capability x-ignore-shared\)/,
  ],
  ['a section between those of RAM without footers', between(false), /nothing tells where it ends/],
];

/** Dirty bitmaps, for one: a section of its own that is started behind RAM's first. */
function between(footers: boolean): Uint8Array {
  const whole = Buffer.from(
    buildStream({ mapped: false, blocks: [RAM], footers, records: [(bytes) => void page(bytes, 0)], command: false }),
  );
  const end = whole.indexOf(Buffer.from(`0300000001${'00'.repeat(7)}10`, 'hex'));
  const start = Buffer.from('01000000090562697473780000000000000001', 'hex');
  const footer = footers ? Buffer.from('7e000000090300000009aaaa7e00000009', 'hex') : Buffer.alloc(0);
  return Buffer.concat([whole.subarray(0, end), start, Buffer.alloc(40, 7), footer, whole.subarray(end)]);
}

const bad: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ['a page past its block', after((bytes) => bytes.uint(16 * 4096 + 0x28, 8).raw(PAGE)), /past the end of pc\.ram/],
  ['a page far past it', after((bytes) => bytes.uint(2 ** 53 + 0x28, 8).raw(PAGE)), /past the end of pc\.ram/],
  ['half a page on', after((bytes) => bytes.uint(2048 + 0x28, 8).raw(PAGE)), /not the start of a page/],
  ['another block', after((bytes) => bytes.uint(0x08, 8).name('nobody').raw(PAGE)), /"nobody" is no RAM block/],
  ['flags of no record', after((bytes) => bytes.uint(0x30, 8)), /flags 0x30/],
  [
    'an END of nothing',
    after((bytes) => bytes.uint(0x10, 8).uint(0x7e, 1).uint(1, 4).uint(3, 1).uint(77, 4)),
    /no section 77 is open/,
  ],
  ['another footer', after((bytes) => bytes.uint(0x10, 8).uint(0x7e, 1).uint(2, 4)), /the footer is that of section 2/],
  [
    'a block longer than the total',
    after(() => undefined, { blocks: [RAM, { name: 'x', usedLength: 2 ** 60 }] }),
    /2\^53|2\*\*53|below 2/,
  ],
  [
    'a block of half a page',
    after(() => undefined, { blocks: [RAM, { name: 'x', usedLength: 4096 + 512 }] }),
    /does not begin with its blocks/,
  ],
  ['two blocks of one name', after(() => undefined, { blocks: [RAM, RAM] }), /listed twice/],
  [
    'a section that is none',
    after((bytes) => bytes.uint(0x10, 8).uint(0x7e, 1).uint(1, 4).uint(9, 1)),
    /begins no section/,
  ],
  ['a command that is none', withCommand(77), /77 is no command/],
  ['no RAM', Buffer.from('5145564d00000003040000000201780000000000000001aa7e0000000200', 'hex'), /no RAM section/],
];

async function ingest(bytes: Uint8Array): Promise<unknown> {
  await writeFile(at('stream'), bytes);
  return runTransfer(api, {
    kind: 'ingest',
    source: await leaseOf(at('stream')),
    target: await leaseOfNew(at('target')),
  });
}

/** Whatever was written, it does not begin as a stream does. */
async function expectNoStream(): Promise<void> {
  const head = (await readFile(at('target'))).subarray(0, 4).toString('latin1');
  expect(head).not.toBe('QEVM');
}

describe('a stream that cannot be laid out is refused by name, with its place', () => {
  it.each(unsupported)('%s', async (_, bytes, words) => {
    await expect(ingest(bytes)).rejects.toMatchObject({ failure: { code: 'format.unsupported' } });
    await expectNoStream();
    await writeFile(at('again'), bytes);
    await expect(
      runTransfer(api, { kind: 'ingest', source: await leaseOf(at('again')), target: await leaseOfNew(at('other')) }),
    ).rejects.toThrow(words);
  });

  it('says at which offset the record is', async () => {
    const bytes = after((into) => into.uint(0x200, 8));
    const offset = Buffer.from(bytes).lastIndexOf(PAGE) + 4096;
    await expect(ingest(bytes)).rejects.toMatchObject({ failure: { where: { path: at('stream'), offset } } });
  });

  it.each([
    ['packed by a program', { format: 1 }, 'format.unsupported'],
    ['not finished', { format: 0, magic: 'LibvirtQemudPart' }, 'format.truncated'],
  ] as const)('a libvirt image that was %s', async (_, header, code) => {
    const bytes = Buffer.concat([buildLibvirtHeader(header), after(() => undefined)]);
    await expect(ingest(bytes)).rejects.toMatchObject({ failure: { code } });
    expect((await readFile(at('target'))).length).toBe(0);
  });

  it('a file that is no stream', async () => {
    await expect(ingest(Buffer.from('#!/bin/sh\n'))).rejects.toMatchObject({
      failure: { code: 'format.not-a-stream' },
    });
    expect((await readFile(at('target'))).length).toBe(0);
  });
});

describe('a stream that no QEMU writes', () => {
  it.each(bad)('with %s is refused', async (_, bytes, words) => {
    await expect(ingest(bytes)).rejects.toThrow(words);
    await expectNoStream();
    const failure = await ingestAgain(bytes);
    expect(failure).toMatch(/^format\./);
  });

  async function ingestAgain(bytes: Uint8Array): Promise<string> {
    await writeFile(at('again'), bytes);
    try {
      const target = await leaseOfNew(at('third'));
      await runTransfer(api, { kind: 'ingest', source: await leaseOf(at('again')), target });
      return 'none';
    } catch (error) {
      return (error as { failure?: { code?: string } }).failure?.code ?? String(error);
    }
  }
});

describe('what is legal is taken', () => {
  it.each([
    ['PING', withCommand(2, Buffer.alloc(4))],
    ['OPEN_RETURN_PATH', withCommand(1)],
  ])('%s is left out: nobody answers to a file', async (_, bytes) => {
    await ingest(bytes);
    expect((await readFile(at('target'))).includes(Buffer.from(bytes.subarray(-60)))).toBe(true);
  });

  it('an advice of postcopy that is not about RAM is kept', async () => {
    await ingest(withCommand(3));
    expect((await readFile(at('target'))).includes(Buffer.from('7e000000010800030000', 'hex'))).toBe(true);
  });

  it('a section between those of RAM is kept', async () => {
    await ingest(between(true));
    expect((await readFile(at('target'))).includes(Buffer.alloc(40, 7))).toBe(true);
  });
});
