import { xxh3 } from '@node-rs/xxhash';
import { randomBytes } from 'node:crypto';
import { open as openFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byteCount } from '@shared/bytes/units';
import { PAGE_CLASSES, PAGE_FLAGS, type PageScan, type PageScanState } from '@shared/contracts/inspector-pages';
import type { Lease } from '@shared/contracts/lease';
import { encodeDigests } from '@shared/mapped-ram/digests-file';
import { randomFrom } from '@shared/search/random-regex.fixture';
import { makeGuestFile, type MadeBlock, type MadeGuestFile } from '../../../test/support/guest-file';
import { buildWorker, type BuiltWorker } from '../../../test/support/services';
import { tempDirPerTest } from '../../../test/support/temp';
import { createThreads, type InspectorThreads } from '../threads';
import { DuplicatesScan } from './duplicates';
import { KnownFile } from './known-file';
import { createInspectorPages, type InspectorPages } from './pages';
import { createScanThreads } from './windows';

const PAGE = 4096;
const MIB = 1024 * 1024;
const folder = tempDirPerTest('sfs');
let worker: BuiltWorker;
let threads: InspectorThreads;
let opened: InspectorPages[] = [];

beforeAll(async () => {
  worker = await buildWorker();
}, 60_000);
afterAll(() => worker.remove());
beforeEach(() => {
  threads = createThreads(worker.file);
});
afterEach(async () => {
  await Promise.all(opened.map((one) => one.dispose()));
  opened = [];
  threads.dispose();
});

function open({ lease }: MadeGuestFile, digests: Lease | null = null): InspectorPages['api'] {
  const pages = createInspectorPages(lease, digests, threads);
  opened.push(pages);
  return pages.api;
}

async function ended(api: InspectorPages['api'], scan: PageScan): Promise<PageScanState> {
  for (;;) {
    const state = (await api.scans()).find((one) => one.scan === scan);
    if (state !== undefined && state.state !== 'running') return state;
  }
}

async function scanned(api: InspectorPages['api'], scan: PageScan): Promise<PageScanState> {
  await api.beginScan(scan);
  return ended(api, scan);
}

/** Pages of a block with a flag. */
async function flagged(api: InspectorPages['api'], block: string, flag: number, pages: number): Promise<number[]> {
  const { flags } = await api.pages(block, 0, pages);
  return [...flags].flatMap((bits, page) => ((bits & flag) !== 0 ? [page] : []));
}

/** Blocks of few different pages, some absent, some zero. */
function fewPages(seed: number): MadeBlock[] {
  const random = randomFrom(seed);
  const contents = [new Uint8Array(PAGE), ...Array.from({ length: 150 }, () => randomBytes(PAGE))];
  return [
    ['pc.ram', 9001],
    ['rom', 77],
  ].map(([name, pages]): MadeBlock => {
    const image = new Uint8Array(Number(pages) * PAGE);
    const absent = new Set<number>();
    for (let page = 0; page < Number(pages); page++) {
      if (random(3) === 0) absent.add(page);
      else image.set(random(40) === 0 ? (contents[random(contents.length)] ?? []) : randomBytes(PAGE), page * PAGE);
    }
    return { name: String(name), image, absent: (page) => absent.has(page), stale: 0x61 };
  });
}

/** Present pages of all blocks whose bytes, not all zero, another one has: `block page`. */
function naiveDuplicates(blocks: readonly MadeBlock[]): string[] {
  const byContent = new Map<string, string[]>();
  for (const { name, image, absent } of blocks) {
    for (let page = 0; page * PAGE < image.length; page++) {
      const bytes = Buffer.from(image.subarray(page * PAGE, (page + 1) * PAGE));
      if (absent(page) || bytes.every((byte) => byte === 0)) continue;
      const key = bytes.toString('latin1');
      byContent.set(key, [...(byContent.get(key) ?? []), `${name} ${page}`]);
    }
  }
  return [...byContent.values()].filter((pages) => pages.length > 1).flat();
}

const byPlace = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

describe('the scan for duplicates', () => {
  it('finds the pages that a plain comparison finds, over blocks', async () => {
    const blocks = fewPages(5);
    const api = open(await makeGuestFile(join(folder(), 'm'), blocks));
    const state = await scanned(api, 'duplicates');
    const present = blocks.map(({ image, absent }) => {
      const pages = Array.from({ length: image.length / PAGE }, (_, page) => page);
      return pages.filter((page) => !absent(page)).length * PAGE;
    });
    const bytes = present.reduce((sum, one) => sum + one, 0);
    expect(state).toEqual({ scan: 'duplicates', state: 'done', doneBytes: bytes, totalBytes: bytes, why: null });
    const found = await Promise.all(
      blocks.map(async ({ name }) =>
        (await flagged(api, name, PAGE_FLAGS.duplicate, 9001)).map((page) => `${name} ${page}`),
      ),
    );
    const expected = naiveDuplicates(blocks).sort(byPlace);
    expect(expected.length).toBeGreaterThan(50);
    expect(found.flat().sort(byPlace)).toEqual(expected);
  });

  it('finds the same in several rounds when few hashes fit into memory, stopped and begun again', async () => {
    const blocks = fewPages(6);
    const { lease } = await makeGuestFile(join(folder(), 'm'), blocks);
    const file = await KnownFile.open(lease);
    try {
      const opening = createScanThreads(threads, (thread) => thread.openPages(lease));
      const scan = new DuplicatesScan(() => Promise.resolve(file), opening, 20_000);
      let stops = 0;
      for (;;) {
        // Stopped behind some windows of each try.
        let asked = 0;
        const ending = await scan.run(() => (asked += 1) > 9);
        if (ending === 'done') break;
        expect(ending).toBe('stopped');
        stops += 1;
      }
      expect(stops).toBeGreaterThan(2);
      expect(scan.doneBytes).toBe(scan.totalBytes);
      const found: string[] = [];
      for (const block of await file.blocks()) {
        const { flags } = block.facts(0, block.pages);
        for (const [page, bits] of flags.entries())
          if ((bits & PAGE_FLAGS.duplicate) !== 0) found.push(`${block.name} ${page}`);
      }
      expect(found.sort(byPlace)).toEqual(naiveDuplicates(blocks).sort(byPlace));
    } finally {
      await file.close();
    }
  });
});

describe('the scan of digests', () => {
  /** 5 MiB and a bit, with a MiB that is absent and one of zeros. */
  const image = Buffer.concat([randomBytes(2 * MIB), Buffer.alloc(MIB), randomBytes(2 * MIB), randomBytes(3 * PAGE)]);
  const absent = (page: number): boolean => (page >= 512 && page < 768) || (page > 1000 && page < 1010);
  image.fill(0, 1001 * PAGE, 1010 * PAGE);
  let file: MadeGuestFile;

  beforeEach(async () => {
    file = await makeGuestFile(join(folder(), 'm'), [{ name: 'pc.ram', image, absent, stale: 0x61 }]);
  });

  async function digestsOf(change: (digests: BigUint64Array) => void, usedLength = image.length): Promise<Lease> {
    const units = Math.ceil(image.length / MIB);
    const digests = BigUint64Array.from({ length: units }, (_, unit) =>
      unit === 2 ? 0n : xxh3.xxh64(image.subarray(unit * MIB, (unit + 1) * MIB)),
    );
    change(digests);
    const path = join(folder(), 'digests.bin');
    const bytes = new Uint8Array(digests.buffer);
    const block = { name: 'pc.ram', usedLength: byteCount(usedLength), digests: bytes };
    await writeFile(path, encodeDigests({ unitBytes: byteCount(MIB), blocks: [block] }));
    const { dev, ino } = await stat(path, { bigint: true });
    return { path, dev: String(dev), ino: String(ino), name: path, streamOffset: null };
  }

  async function flip(page: number): Promise<void> {
    const handle = await openFile(file.path, 'r+');
    const at = (file.pagesOffset.get('pc.ram') ?? 0) + page * PAGE + 99;
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, at);
    await handle.write(Buffer.of((buffer[0] ?? 0) ^ 1), 0, 1, at);
    await handle.close();
  }

  const mismatches = (api: InspectorPages['api']): Promise<number[]> =>
    flagged(api, 'pc.ram', PAGE_FLAGS.mismatch, 2000);
  const pagesOf = (from: number, to: number): number[] =>
    Array.from({ length: to - from }, (_, index) => from + index).filter((page) => !absent(page));

  it('finds nothing in a file that is as it was, whatever stands under its absent pages', async () => {
    await flip(600);
    await flip(1005);
    const api = open(file, await digestsOf(() => undefined));
    expect(await scanned(api, 'digests')).toMatchObject({ state: 'done', why: null });
    expect(await mismatches(api)).toEqual([]);
  });

  it('marks the present pages of a unit of which a byte differs', async () => {
    await flip(1020);
    await flip(1281);
    const api = open(file, await digestsOf(() => undefined));
    await scanned(api, 'digests');
    expect(await mismatches(api)).toEqual([...pagesOf(768, 1024), 1280, 1281, 1282]);
    expect(await api.totals('pc.ram', 0, 1283)).toMatchObject({ mismatch: 256 - 9 + 3 });
  });

  it('marks a unit whose pages the bitmap has lost, and judges none without a digest', async () => {
    const lost = open(
      file,
      await digestsOf((digests) => {
        digests[2] = 12n;
        digests[0] = 0n;
      }),
    );
    await flip(3);
    await scanned(lost, 'digests');
    expect(await mismatches(lost)).toEqual(Array.from({ length: 256 }, (_, index) => 512 + index));
  });

  it('is impossible where there are no digests, or those of another block; a damaged file of them fails it', async () => {
    const without = open(file);
    expect((await without.scans()).find(({ scan }) => scan === 'digests')).toMatchObject({ state: 'impossible' });
    expect((await without.beginScan('digests')).why).toContain('channels');
    const other = open(file, await digestsOf(() => undefined, image.length - PAGE));
    expect(await scanned(other, 'digests')).toMatchObject({ state: 'impossible' });
    const lease = await digestsOf(() => undefined);
    await writeFile(lease.path, 'SFDIGEST and then nothing that it should be');
    const damaged = open(file, lease);
    const state = await scanned(damaged, 'digests');
    expect(state.state).toBe('failed');
    expect(state.why).toContain('version');
  });
});

describe('the scan for classes', () => {
  it('tells class and entropy of present pages, by page and by cell', async () => {
    const text = Buffer.alloc(PAGE, 'some text\n');
    const image = Buffer.concat([
      ...Array.from({ length: 6 }, () => text),
      randomBytes(3 * PAGE),
      Buffer.alloc(3 * PAGE),
    ]);
    const file = await makeGuestFile(join(folder(), 'm'), [{ name: 'pc.ram', image, absent: (page) => page > 9 }]);
    const api = open(file);
    expect(await scanned(api, 'classes')).toMatchObject({ state: 'done', doneBytes: 10 * PAGE, totalBytes: 10 * PAGE });
    const { classes, entropy } = await api.pages('pc.ram', 0, 12);
    const names = (values: Uint8Array | null): unknown[] => [...(values ?? [])].map((value) => PAGE_CLASSES[value]);
    expect(names(classes)).toEqual([
      ...new Array<string>(6).fill('text'),
      ...new Array<string>(3).fill('compressed'),
      ...['zero', 'unknown', 'unknown'],
    ]);
    expect([...(entropy ?? [])].slice(6)).toEqual([248, 248, 248, 0, 0, 0]);
    const low = entropy?.[0] ?? 0;
    expect(low).toBeGreaterThan(80);
    const cells = await api.overview('pc.ram', 4, 4, 2);
    expect(names(cells.classes)).toEqual(['text', 'compressed']);
    expect([...(cells.entropy ?? [])]).toEqual([low, 248]);
    const mixed = await api.overview('pc.ram', 7, 5, 1);
    expect([names(mixed.classes), mixed.entropy?.[0]]).toEqual([['compressed'], Math.round((2 * 248) / 3)]);
  });

  it('stops, keeps what it found, and goes on', async () => {
    const image = Buffer.alloc(96 * MIB, 'abcdefgh');
    const file = await makeGuestFile(join(folder(), 'm'), [{ name: 'pc.ram', image, absent: () => false }]);
    const api = open(file);
    await api.beginScan('classes');
    while ((await api.scans()).find(({ scan }) => scan === 'classes')?.doneBytes === 0);
    const stopped = await api.endScan('classes');
    // The machine may be through with it before it hears of the stop; then there is nothing to go on with.
    expect(['not begun', 'done']).toContain(stopped.state);
    expect(stopped.doneBytes).toBeGreaterThan(0);
    const { classes } = await api.pages('pc.ram', 0, image.length / PAGE);
    expect([...(classes ?? [])].filter((value) => value !== 0)).toHaveLength(stopped.doneBytes / PAGE);
    expect(await scanned(api, 'classes')).toMatchObject({ state: 'done', doneBytes: image.length });
    expect((await api.beginScan('classes')).state).toBe('done');
    const after = await api.pages('pc.ram', 0, image.length / PAGE);
    expect(after.classes?.every((value) => PAGE_CLASSES[value] === 'text')).toBe(true);
  });

  it('fails with the reason when the threads end, and begins again with others', async () => {
    const image = Buffer.alloc(MIB, 'abcdefgh');
    const file = await makeGuestFile(join(folder(), 'm'), [{ name: 'pc.ram', image, absent: () => false }]);
    const broken = { apis: () => [] as never[] };
    let [which, asked]: [Pick<InspectorThreads, 'apis'>, number] = [broken, 0];
    const pages = createInspectorPages(file.lease, null, {
      apis: () => {
        asked += 1;
        if (which === broken) throw new Error('no thread starts');
        return which.apis();
      },
    });
    opened.push(pages);
    expect(await scanned(pages.api, 'classes')).toMatchObject({ state: 'failed' });
    which = threads;
    expect(await scanned(pages.api, 'classes')).toMatchObject({ state: 'done', why: null });
    expect(asked).toBe(2);
  });
});
