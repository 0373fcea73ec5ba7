/** Streams and mapped-ram files that were cut off or changed anywhere, as sources of transfers. */
import { copyFile, open, readFile, rm, truncate, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StillframeError } from '../../src-shared/contracts/failure';
import type { InspectReport } from '../../src-shared/contracts/inspect';
import type { TransferSetup } from '../../src-shared/contracts/transfer';
import { openPath } from '../../src-worker/io/file-source';
import { inspectSnapshot } from '../../src-worker/snapshot/inspect';
import { openSnapshot } from '../../src-worker/snapshot/open';
import { createTransferApi } from '../../src-worker/transfer/service';
import { makeFile, type FileRecipe } from '../fixtures/migration-files';
import { buildStream, type BuiltStream } from '../support/stream-builder';
import { makeTempDir, removeTempDir } from '../support/temp';
import { leaseOf, leaseOfNew, runTransfer } from '../support/transfers';
import { randomFrom } from './judge';

/** CPU time that no transfer of so small a file may take. The largest honest one takes some 30 ms. */
const LONGEST_MS = 1000;
const MOST_MEMORY = 300 * 1024 * 1024;
const seed = Number(process.env['STILLFRAME_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const random = randomFrom(seed);
const api = createTransferApi();
let folder = '';
let runs = 0;
let rssBefore = 0;
let rssMost = 0;

const SMALL = ['-M', 'q35', '-m', '4'];
const RECIPES: Readonly<Record<string, FileRecipe>> = {
  legacy: { title: 'legacy', argv: SMALL, live: true },
  shared: { title: 'shared', argv: SMALL, migrate: { capabilities: { 'x-ignore-shared': true } } },
  mapped: { title: 'mapped', argv: SMALL, live: true, migrate: { mappedRam: true } },
};
const samples = new Map<string, { readonly path: string; readonly bytes: Buffer; readonly report: InspectReport }>();

const sample = (name: string) => {
  const found = samples.get(name);
  if (found === undefined) throw new Error(`no sample ${name}`);
  return found;
};

beforeAll(async () => {
  folder = await makeTempDir('sft');
  for (const [name, recipe] of Object.entries(RECIPES)) {
    const { path } = await makeFile(recipe, folder, name);
    samples.set(name, { path, bytes: await readFile(path), report: await inspect(path) });
  }
  rssBefore = process.memoryUsage.rss();
});
afterAll(async () => {
  await removeTempDir(folder);
  console.log(`seed ${seed}, ${runs} transfers, memory grew by at most ${Math.round((rssMost - rssBefore) / 1e6)} MB`);
  expect(rssMost - rssBefore).toBeLessThan(MOST_MEMORY);
});

async function inspect(path: string): Promise<InspectReport> {
  const source = await openPath(path);
  try {
    return await inspectSnapshot(await openSnapshot(source));
  } finally {
    await source.close();
  }
}

/** Whether our own parser calls it a complete stream with nothing wrong. */
async function claimsToBeComplete(path: string): Promise<boolean> {
  try {
    const { complete, problems } = await inspect(path);
    return complete && !problems.some(({ severity }) => severity === 'error');
  } catch (error) {
    if (error instanceof StillframeError) return false;
    throw error;
  }
}

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** Codes that say that a file is not what it should be, and the one of a file system that cannot hold what it says. */
const EXPECTED = /^(format\.|save\.incomplete$|file\.io$)/;

/** Transfers `source`; throws when anything else comes out than a file that is whole, or a typed refusal without one. */
async function judge(kind: 'ingest' | 'emit', source: string, what: string): Promise<'done' | 'refused'> {
  const target = join(folder, `target-${runs++}`);
  const setup: TransferSetup = { kind, source: await leaseOf(source), target: await leaseOfNew(target) };
  const before = cpuMs();
  const failure = await runTransfer(api, setup).then(
    () => null,
    (error: unknown) => error,
  );
  const took = cpuMs() - before;
  rssMost = Math.max(rssMost, process.memoryUsage.rss());
  if (took > LONGEST_MS) throw new Error(`${what}: took ${took.toFixed(0)} ms of CPU`);
  const complete = await claimsToBeComplete(target);
  await rm(target);
  if (failure === null) {
    if (!complete) throw new Error(`${what}: done, and not whole`);
    return 'done';
  }
  if (!(failure instanceof StillframeError)) throw new Error(`${what}: an untyped error`, { cause: failure });
  const { code } = failure.failure;
  if (!EXPECTED.test(code)) throw new Error(`${what}: ${code}`, { cause: failure });
  if (complete) throw new Error(`${what}: refused, and the file claims to be complete`);
  return 'refused';
}

/** Judges a sample with other bytes at some place. */
async function judgeWith(kind: 'ingest' | 'emit', name: string, offset: number, bytes: Uint8Array): Promise<string> {
  const { path, bytes: original } = sample(name);
  const file: FileHandle = await open(path, 'r+');
  try {
    await file.write(bytes, 0, bytes.length, offset);
    return await judge(kind, path, `${name}, ${Buffer.from(bytes).toString('hex')} at ${offset}`);
  } finally {
    await file.write(original, offset, Math.min(bytes.length, original.length - offset), offset);
    if (offset + bytes.length > original.length) await file.truncate(original.length);
    await file.close();
  }
}

/** Offsets where something begins: sections, blocks, headers. */
function places(report: InspectReport): readonly number[] {
  const blocks = report.ramBlocks.flatMap(({ recordOffset, headerOffset, bitmapOffset, pagesOffset }) =>
    [recordOffset, headerOffset, bitmapOffset, pagesOffset].filter((offset) => offset !== null),
  );
  const description = report.vmDescription === null ? [] : [report.vmDescription.offset];
  return [...report.sections.map(({ offset }) => offset), ...blocks, ...description, report.size];
}

describe.each([
  ['ingest', 'legacy'],
  ['ingest', 'shared'],
  ['ingest', 'mapped'],
  ['emit', 'mapped'],
] as const)('%s of a %s file', (kind, name) => {
  it('that is whole is done', async () => {
    expect(await judge(kind, sample(name).path, 'whole')).toBe('done');
  });

  it('that is cut off anywhere is refused, or whole', async () => {
    const { bytes, report } = sample(name);
    const near = places(report).flatMap((offset) => [offset - 1, offset, offset + 1, offset + 6]);
    const anywhere = Array.from({ length: 20 }, () => Math.floor(random() * bytes.length));
    const lengths = [...new Set([...near, ...anywhere])].filter((length) => length >= 0 && length < bytes.length);
    const eof = report.sections.find(({ type }) => type === 'eof')?.offset ?? 0;
    const cut = join(folder, 'cut');
    await copyFile(sample(name).path, cut);
    for (const length of lengths.sort((a, b) => b - a)) {
      await truncate(cut, length);
      const verdict = await judge(kind, cut, `${name}, ${length} of ${bytes.length} bytes`);
      if (length <= eof) expect(verdict, `${length}`).toBe('refused');
    }
  });

  it('with any byte of its structures changed is refused, or done and whole', { timeout: 120_000 }, async () => {
    const { bytes, report } = sample(name);
    const near = places(report).flatMap((offset) => [offset, offset + 1 + Math.floor(random() * 20)]);
    const offsets = [...Array.from({ length: 60 }, (_, at) => at), ...near].filter((offset) => offset < bytes.length);
    for (const offset of offsets) {
      const change = Uint8Array.of((bytes[offset] ?? 0) ^ (1 << Math.floor(random() * 8)));
      await judgeWith(kind, name, offset, change);
    }
  });

  it('with hostile lengths and offsets is refused, or done and whole', { timeout: 120_000 }, async () => {
    const { bytes, report } = sample(name);
    const hostile = ['ffffffffffffffff', '001fffffffffffff', '0000000080000000', '0000000000000000'];
    const fields = report.ramBlocks.flatMap(({ name: block, recordOffset, headerOffset }) => [
      recordOffset,
      recordOffset + 1 + block.length,
      ...(headerOffset === null ? [] : [headerOffset, headerOffset + 4, headerOffset + 12, headerOffset + 20]),
    ]);
    const starts = report.sections.map(({ offset }) => offset + 1);
    for (const offset of [...fields, ...starts]) {
      for (const text of hostile) {
        const value = Buffer.from(text, 'hex').subarray(0, Math.min(8, bytes.length - offset));
        await judgeWith(kind, name, offset, value);
      }
    }
  });
});

describe('streams that no QEMU writes', () => {
  const RAM = { name: 'pc.ram', usedLength: 2 ** 40 };

  async function judged(options: BuiltStream): Promise<string> {
    const path = join(folder, 'built');
    await writeFile(path, buildStream({ mapped: false, ...options }));
    return judge('ingest', path, 'built');
  }

  it('a page every 16 MiB of a TiB costs no more memory than the stream has', async () => {
    const page = Buffer.alloc(4096, 1);
    const verdict = await judged({
      blocks: [RAM],
      records: [
        (bytes) => {
          bytes.uint(0x08, 8).name('pc.ram').raw(page);
          for (let at = 1; at < 4000; at++) bytes.uint(at * 2 ** 24 + 0x28, 8).raw(page);
        },
      ],
    });
    expect(verdict).toBe('done');
  });

  it('a page that is sent a hundred thousand times, zero and not, stays one page', async () => {
    const page = Buffer.alloc(1024, 1);
    const verdict = await judged({
      targetPageBits: 10,
      blocks: [{ name: 'pc.ram', usedLength: 4096 }],
      records: [
        (bytes) => {
          bytes.uint(0x08, 8).name('pc.ram').raw(page);
          for (let at = 0; at < 20_000; at++)
            bytes
              .uint(1024 + 0x28, 8)
              .raw(page)
              .uint(1024 + 0x22, 8)
              .uint(0, 1);
        },
      ],
    });
    expect(verdict).toBe('done');
  });

  it.each([
    [
      'ten thousand blocks',
      { blocks: Array.from({ length: 10_000 }, (_, at) => ({ name: `b${at}`, usedLength: 4096 })) },
    ],
    [
      'blocks of nearly 2^53 bytes',
      {
        blocks: [
          { name: 'a', usedLength: 2 ** 52 },
          { name: 'b', usedLength: 2 ** 51 },
        ],
      },
    ],
    ['ten thousand sections that are started', { records: [sections(10_000)], end: false }],
    ['twenty thousand sections that are started', { records: [sections(20_000)], end: false }],
    ['megabytes that look like footers where a device should end', { records: [openSection], end: false, eof: false }],
  ] as readonly (readonly [string, BuiltStream])[])('%s', async (_, options) => {
    expect(await judged({ blocks: [{ name: 'pc.ram', usedLength: 4096 }], ...options })).toMatch(/done|refused/);
  });
});

/** Ends RAM's first section and starts others. */
function sections(count: number): NonNullable<BuiltStream['records']>[number] {
  return (bytes) => {
    bytes.uint(0x02, 8).name('pc.ram').uint(0, 1).uint(0x10, 8).uint(0x7e, 1).uint(1, 4);
    for (let id = 100; id < 100 + count; id++) {
      bytes.uint(1, 1).uint(id, 4).name('x').uint(0, 4).uint(1, 4).uint(7, 1).uint(0x7e, 1).uint(id, 4);
    }
    bytes.uint(2, 1).uint(1, 4);
  };
}

const openSection: NonNullable<BuiltStream['records']>[number] = (bytes) => {
  bytes.uint(0x02, 8).name('pc.ram').uint(0, 1).uint(0x10, 8).uint(0x7e, 1).uint(1, 4);
  bytes.uint(4, 1).uint(9, 4).name('x').uint(0, 4).uint(1, 4).raw(Buffer.alloc(5_000_000, 0x7e));
};
