import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ComparedRun, ComparedStep, InspectorCompareApi } from '@shared/contracts/inspector-compare';
import { PAGE_FLAGS } from '@shared/contracts/inspector-pages';
import { makeGuestFile, type MadeBlock, type MadeGuestFile } from '../../test/support/guest-file';
import { buildWorker, type BuiltWorker } from '../../test/support/services';
import { tempDirPerTest } from '../../test/support/temp';
import { createInspectorCompare, type InspectorCompare } from './compare';
import { createInspectorPages, type InspectorPages } from './pages/pages';
import { createThreads, type InspectorThreads } from './threads';

const PAGE = 4096;
const PAGES = 600;
const folder = tempDirPerTest('sfc');
let worker: BuiltWorker;
let threads: InspectorThreads;
let compare: InspectorCompare;
let pages: InspectorPages;

beforeAll(async () => {
  worker = await buildWorker();
}, 60_000);
afterAll(() => worker.remove());
beforeEach(() => (threads = createThreads(worker.file)));
afterEach(() => {
  compare.dispose();
  void pages.dispose();
  threads.dispose();
});

/** Page n holds `fill(n)`; 0: it is not in the file. */
function block(name: string, fill: (page: number) => number, pageSize = PAGE): MadeBlock {
  const image = new Uint8Array(PAGES * pageSize);
  for (let page = 0; page < PAGES; page += 1) image.fill(fill(page), page * pageSize, (page + 1) * pageSize);
  return { name, image, pageSize, absent: (page) => fill(page) === 0 };
}

async function filesOf(
  a: readonly MadeBlock[],
  b: readonly MadeBlock[],
): Promise<readonly [MadeGuestFile, MadeGuestFile]> {
  return [await makeGuestFile(join(folder(), 'a'), a), await makeGuestFile(join(folder(), 'b'), b)];
}

async function comparing(
  a: readonly MadeBlock[],
  b: readonly MadeBlock[],
  mostRuns?: number,
): Promise<InspectorCompareApi> {
  const [fileA, fileB] = await filesOf(a, b);
  pages = createInspectorPages(fileA.lease, null, threads);
  compare = createInspectorCompare(fileA.lease, [], threads, pages, mostRuns);
  compare.introduce('b', fileB.lease);
  return compare.api;
}

async function last(api: InspectorCompareApi): Promise<ComparedStep> {
  for (;;) {
    const step = await api.nextCompared();
    if (step.done) return step;
  }
}

async function allRuns(api: InspectorCompareApi, name: string): Promise<ComparedRun[]> {
  const runs: ComparedRun[] = [];
  for (;;) {
    const some = await api.comparedRuns(name, runs.length, 100);
    if (some.length === 0) return runs;
    runs.push(...some);
  }
}

/** In A every third page is absent; in B pages 30 … 59 are absent, and every 50th differs. */
const inA = (page: number): number => (page % 3 === 0 ? 0 : 1);
const inB = (page: number): number => (page >= 30 && page < 60 ? 0 : page % 50 === 0 ? 2 : inA(page));

function expectedRuns(): ComparedRun[] {
  const runs: { page: number; count: number; change: ComparedRun['change'] }[] = [];
  for (let page = 0; page < PAGES; page += 1) {
    const [a, b] = [inA(page), inB(page)];
    if (a === b) continue;
    const change = a === 0 ? 'added' : b === 0 ? 'removed' : 'changed';
    const before = runs.at(-1);
    if (before !== undefined && before.page + before.count === page && before.change === change) before.count += 1;
    else runs.push({ page, count: 1, change });
  }
  return runs;
}

describe('a comparison of the inspector', () => {
  it('tells runs of pages by how they differ, and counts them', async () => {
    const api = await comparing([block('pc.ram', inA), block('gone', () => 7)], [block('pc.ram', inB)]);
    const begun = await api.beginCompare('b');
    expect(begun.blocks.map(({ name, pagesA, pagesB }) => [name, pagesA, pagesB])).toEqual([
      ['pc.ram', PAGES, PAGES],
      ['gone', PAGES, null],
    ]);
    const step = await last(api);
    expect(step.comparedBytes).toBe(begun.bytes);
    const expected = expectedRuns();
    expect(new Set(expected.map(({ change }) => change)).size).toBe(3);
    expect(await allRuns(api, 'pc.ram')).toEqual(expected);
    const counts = (change: ComparedRun['change']): number =>
      expected.filter((run) => run.change === change).reduce((sum, { count }) => sum + count, 0);
    expect(step.blocks).toEqual([
      {
        name: 'pc.ram',
        added: counts('added'),
        removed: counts('removed'),
        changed: counts('changed'),
        runs: expected.length,
        unlisted: 0,
      },
      { name: 'gone', added: 0, removed: PAGES, changed: 0, runs: 1, unlisted: 0 },
    ]);
    expect(await api.comparedRun('pc.ram', 31, 1)).toEqual(expected.find(({ page, count }) => page + count > 31));
    expect(await api.comparedRun('pc.ram', 0, -1)).toEqual(expected[0]);
    expect(await api.comparedRun('none', 0, 1)).toBe(null);
    // What was found is forgotten with its end.
    await api.endCompare();
    expect([await api.comparedRuns('pc.ram', 0, 10), (await api.nextCompared()).blocks]).toEqual([[], []]);
  });

  it('tells the facts of the pages which have changed, until it ends', async () => {
    const longer = { ...block('ram', () => 2), image: new Uint8Array((PAGES + 64) * PAGE).fill(2) };
    const api = await comparing([block('ram', (page) => (page < 5 ? 1 : 2))], [longer, block('new', () => 3)]);
    await api.beginCompare('b');
    await last(api);
    const changed = async (): Promise<number[]> => {
      const { flags } = await pages.api.pages('ram', 0, PAGES);
      return [...flags].flatMap((bits, page) => ((bits & PAGE_FLAGS.changed) === 0 ? [] : [page]));
    };
    expect(await changed()).toEqual([0, 1, 2, 3, 4]);
    await api.endCompare();
    expect(await changed()).toEqual([]);
  });

  it('lists only so many runs, and counts the pages of the rest', async () => {
    const api = await comparing([block('ram', () => 1)], [block('ram', (page) => (page % 2 === 0 ? 2 : 1))], 10);
    await api.beginCompare('b');
    const step = await last(api);
    expect(step.blocks).toMatchObject([{ changed: PAGES / 2, runs: 10, unlisted: PAGES / 2 - 10 }]);
    expect(await allRuns(api, 'ram')).toHaveLength(10);
  });

  it('leaves out blocks whose pages differ in size, and says so', async () => {
    const api = await comparing(
      [block('ram', () => 1), block('rom', () => 1, 1024)],
      [block('ram', () => 1), block('rom', () => 1, 2048)],
    );
    expect(await api.beginCompare('b')).toMatchObject({
      blocks: [{ name: 'ram' }],
      apart: [{ name: 'rom', pageSizeA: 1024, pageSizeB: 2048 }],
    });
    expect((await last(api)).blocks).toMatchObject([{ name: 'ram', changed: 0 }]);
  });

  it('needs a file that was introduced, and ends when that is taken back', async () => {
    const api = await comparing([block('ram', () => 1)], [block('ram', () => 2)]);
    await expect(api.beginCompare('c')).rejects.toMatchObject({ failure: { code: 'usage' } });
    await expect(api.comparedDevices('c', 0)).rejects.toMatchObject({ failure: { code: 'usage' } });
    await api.beginCompare('b');
    expect((await last(api)).blocks).toMatchObject([{ changed: PAGES }]);
    compare.introduce('b', null);
    await api.endCompare();
    await expect(api.beginCompare('b')).rejects.toMatchObject({ failure: { code: 'usage' } });
  });

  it('ends when the other file is taken back midway, and says that it is not all', async () => {
    const api = await comparing([block('ram', () => 1, 64 * PAGE)], [block('ram', () => 2, 64 * PAGE)]);
    await api.beginCompare('b');
    const asked = api.nextCompared();
    compare.introduce('b', null);
    const closed = { failure: { code: 'usage', what: 'the other file was closed before all was compared' } };
    await expect(asked).rejects.toMatchObject(closed);
    await expect(api.nextCompared()).rejects.toMatchObject(closed);
    await api.endCompare();
    expect(await api.nextCompared()).toMatchObject({ blocks: [], done: true });
  });

  it('keeps what it found when the other file is taken back after all was compared', async () => {
    const api = await comparing([block('ram', () => 1)], [block('ram', () => 2)]);
    await api.beginCompare('b');
    await last(api);
    compare.introduce('b', null);
    expect((await api.nextCompared()).blocks).toMatchObject([{ changed: PAGES }]);
    expect(await allRuns(api, 'ram')).toEqual([{ page: 0, count: PAGES, change: 'changed' }]);
  });

  it('that failed says so each time it is asked: what was found is not all', async () => {
    const api = await comparing([block('ram', () => 1)], [block('ram', () => 2)]);
    await api.beginCompare('b');
    threads.dispose();
    const died = { failure: { code: 'worker.died' } };
    for (let time = 0; time < 3; time += 1) await expect(last(api)).rejects.toMatchObject(died);
  });

  it('gives way to the next one, also while it begins', async () => {
    const api = await comparing([block('ram', () => 1)], [block('ram', () => 2)]);
    await Promise.all([api.beginCompare('b'), api.beginCompare('b'), api.endCompare(), api.beginCompare('b')]);
    expect((await last(api)).blocks).toMatchObject([{ changed: PAGES }]);
  });

  it.each<[string, (api: InspectorCompareApi) => Promise<unknown>]>([
    ['a block that is no text', (api) => api.comparedRuns(5 as never, 0, 1)],
    ['a start below zero', (api) => api.comparedRuns('ram', -1, 1)],
    ['no direction', (api) => api.comparedRun('ram', 0, 0 as never)],
    ['a page that is no number', (api) => api.comparedRun('ram', '0' as never, 1)],
    ['a device number that is none', (api) => api.comparedDevices('b', NaN)],
  ])('is refused %s', async (_, ask) => {
    const api = await comparing([block('ram', () => 1)], [block('ram', () => 1)]);
    await api.beginCompare('b');
    await expect(ask(api)).rejects.toMatchObject({ failure: { code: 'worker.refused' } });
  });
});
