/** Mapped-ram files that were cut off or changed anywhere, as what is searched, compared, shown and exported. */
import { copyFile, open, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { StillframeError } from '../../src-shared/contracts/failure';
import type { InspectReport } from '../../src-shared/contracts/inspect';
import type { Lease } from '../../src-shared/contracts/lease';
import { driveDiff } from '../../src-shared/diff/drive';
import { driveSearch } from '../../src-shared/search/drive';
import { driveStrings } from '../../src-shared/strings/drive';
import { createExplorer } from '../../src-worker/explorer';
import { openPath } from '../../src-worker/io/file-source';
import { inspectSnapshot } from '../../src-worker/snapshot/inspect';
import { openSnapshot } from '../../src-worker/snapshot/open';
import { createTransferApi } from '../../src-worker/transfer/service';
import { makeFile } from '../fixtures/migration-files';
import { makeTempDir, removeTempDir } from '../support/temp';
import { leaseOf, leaseOfNew, runTransfer } from '../support/transfers';
import { randomFrom } from './judge';

/** CPU time that nothing here may take of so small a file. */
const LONGEST_MS = 2000;
const EXPECTED = /^(format\.|usage$|save\.incomplete$|file\.io$)/;
const MOST_MEMORY = 400 * 1024 * 1024;
const seed = Number(process.env['STILLFRAME_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const random = randomFrom(seed);
const explorer = createExplorer();
const transfers = createTransferApi();
let folder = '';
let original = '';
let bytes = Buffer.alloc(0);
let report: InspectReport;
let [runs, refused, rssBefore, rssMost] = [0, 0, 0, 0];

beforeAll(async () => {
  folder = await makeTempDir('sfh');
  const argv = ['-M', 'q35', '-m', '4'];
  original = (await makeFile({ title: 'small', argv, live: true, migrate: { mappedRam: true } }, folder, 'original'))
    .path;
  bytes = await readFile(original);
  const source = await openPath(original);
  report = await inspectSnapshot(await openSnapshot(source));
  await source.close();
  await judge(await leaseOf(original), 'the file itself');
  expect(refused).toBe(0);
  rssBefore = process.memoryUsage.rss();
});

afterAll(async () => {
  await removeTempDir(folder);
  console.log(
    `seed ${seed}, ${runs} looks, ${refused} refused, memory grew by at most ${Math.round((rssMost - rssBefore) / 1e6)} MB`,
  );
  expect(refused).toBeGreaterThan(100);
  expect(rssMost - rssBefore).toBeLessThan(MOST_MEMORY);
});

/** Every way of looking into a file. */
function looks(lease: Lease, whole: Lease): Readonly<Record<string, () => Promise<unknown>>> {
  const search = async (what: Parameters<typeof explorer.openSearch>[1]['what']): Promise<void> => {
    const plan = await explorer.openSearch(lease, { what, ranges: null }, []);
    let found = 0;
    for await (const { hits } of driveSearch([explorer], plan, { most: 500, apart: what.kind === 'regex' })) {
      found += hits.length;
    }
    expect(found).toBeLessThanOrEqual(500);
  };
  return {
    text: () => search({ kind: 'text', text: 'SeaBIOS', encoding: 'utf8', ignoreCase: true }),
    bytes: () => search({ kind: 'hex', hex: '00 00 00 ?? 01' }),
    regex: () => search({ kind: 'regex', pattern: '[A-Z]+ [^a]{3,9}a|\\x00+x', ignoreCase: false }),
    strings: async () => {
      const plan = await explorer.openStrings(lease, { encoding: 'utf8', least: 8, filter: '', ranges: null });
      let read = 0;
      for await (const { searchedBytes } of driveStrings([explorer], plan, { most: Infinity, ramMap: [] }))
        read = searchedBytes;
      expect(read).toBe(plan.bytes);
    },
    diff: async () => driveDiff([explorer], await explorer.openDiff(lease, whole, null)),
    devices: () => explorer.diffDevices(whole, lease),
    guestBytes: () => explorer.guestBytes(lease, 'pc.ram', 0, 65_536),
    elf: async () => {
      const target = join(folder, `core-${runs}`);
      try {
        await runTransfer(transfers, { kind: 'elf', source: lease, target: await leaseOfNew(target), ramMap: [] });
      } finally {
        await rm(target, { force: true });
      }
    },
  };
}

async function judge(lease: Lease, what: string): Promise<void> {
  for (const [way, look] of Object.entries(looks(lease, await leaseOf(original)))) {
    runs++;
    const before = process.cpuUsage();
    const failure = await look().then(
      () => null,
      (error: unknown) => error,
    );
    const { user, system } = process.cpuUsage(before);
    rssMost = Math.max(rssMost, process.memoryUsage.rss());
    if ((user + system) / 1000 > LONGEST_MS)
      throw new Error(`${what}, ${way}: took ${(user + system) / 1000} ms of CPU`);
    if (failure === null) continue;
    refused++;
    if (!(failure instanceof StillframeError)) throw new Error(`${what}, ${way}: an untyped error`, { cause: failure });
    if (!EXPECTED.test(failure.failure.code))
      throw new Error(`${what}, ${way}: ${failure.failure.code}`, { cause: failure });
  }
}

async function judgeWith(changes: readonly { readonly at: number; readonly bytes: Uint8Array }[]): Promise<void> {
  const path = join(folder, 'changed');
  const file = await open(path, 'r+');
  try {
    for (const change of changes) await file.write(change.bytes, 0, change.bytes.length, change.at);
    await judge(
      await leaseOf(path),
      changes.map((one) => `${Buffer.from(one.bytes).toString('hex')} at ${one.at}`).join(', '),
    );
    for (const change of changes) await file.write(bytes, change.at, change.bytes.length, change.at);
  } finally {
    await file.close();
  }
}

it('a file that is cut off anywhere is looked into as far as it goes, or refused', { timeout: 120_000 }, async () => {
  const cut = join(folder, 'cut');
  await copyFile(original, cut);
  const places = report.ramBlocks.flatMap(({ recordOffset, bitmapOffset, pagesOffset }) => [
    recordOffset + 3,
    (bitmapOffset ?? 0) + 1,
    (pagesOffset ?? 0) + 5000,
  ]);
  const lengths = [...places, ...Array.from({ length: 10 }, () => Math.floor(random() * bytes.length))];
  for (const length of lengths.sort((a, b) => b - a)) {
    await truncate(cut, length);
    await judge(await leaseOf(cut), `${length} bytes`);
  }
});

it('a file with hostile lengths and offsets is looked into, or refused', { timeout: 180_000 }, async () => {
  await copyFile(original, join(folder, 'changed'));
  const hostile = ['ffffffffffffffff', '001fffffffffffff', '0000000080000000', '0000000000000000', '0000000000001001'];
  for (const { name, recordOffset, headerOffset } of report.ramBlocks) {
    const fields = [recordOffset + 1 + name.length, ...[4, 12, 20].map((field) => (headerOffset ?? 0) + field)];
    for (const at of fields) {
      for (const text of hostile) await judgeWith([{ at, bytes: Buffer.from(text, 'hex') }]);
    }
  }
});

it(
  'a file with any bytes of its structures and bitmaps changed is looked into, or refused',
  { timeout: 180_000 },
  async () => {
    await copyFile(original, join(folder, 'changed'));
    const starts = [
      0,
      ...report.ramBlocks.flatMap(({ recordOffset, bitmapOffset }) => [recordOffset, bitmapOffset ?? 0]),
    ];
    for (let round = 0; round < 40; round++) {
      const start = starts[Math.floor(random() * starts.length)] ?? 0;
      const change = Uint8Array.from({ length: 1 + Math.floor(random() * 4) }, () => Math.floor(random() * 256));
      await judgeWith([{ at: start + Math.floor(random() * 60), bytes: change }]);
    }
  },
);
