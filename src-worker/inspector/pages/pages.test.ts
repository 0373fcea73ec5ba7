import { closeSync, openSync } from 'node:fs';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { OVERVIEW_COUNTS, PAGE_FLAGS, type PageScan, type PageScanState } from '@shared/contracts/inspector-pages';
import { randomFrom } from '@shared/search/random-regex.fixture';
import { makeGuestFile, type MadeBlock, type MadeGuestFile } from '../../../test/support/guest-file';
import { tempDirPerTest } from '../../../test/support/temp';
import { punchRange } from '../../io/libc';
import { createInspectorPages, type InspectorPages } from './pages';

const PAGE = 4096;
const folder = tempDirPerTest('sfp');
const noThreads = { apis: () => [] };
let opened: InspectorPages[] = [];

afterEach(async () => {
  await Promise.all(opened.map((one) => one.dispose()));
  opened = [];
});

function open({ lease }: Pick<MadeGuestFile, 'lease'>): InspectorPages {
  const pages = createInspectorPages(lease, null, noThreads);
  opened.push(pages);
  return pages;
}

/** What is expected of each page. */
interface Expected {
  readonly present: boolean;
  readonly hole: boolean;
}

/** Makes holes of pages, if they have any bytes. */
function punch(path: string, at: number, pageSize: number, pages: readonly number[]): void {
  const fd = openSync(path, 'r+');
  try {
    for (const page of pages) if (!punchRange(fd, at + page * pageSize, pageSize)) throw new Error('it makes no holes');
  } finally {
    closeSync(fd);
  }
}

/** A file with runs of pages that are present or absent, with holes under some of either. */
async function patchyFile(
  pages: number,
  seed: number,
  options: { readonly order?: 'little' | 'big'; readonly pageSize?: number } = {},
): Promise<{ file: MadeGuestFile; expected: readonly Expected[] }> {
  const random = randomFrom(seed);
  const { pageSize = PAGE } = options;
  const runsOf = (odds: number): boolean[] => {
    const states: boolean[] = [];
    while (states.length < pages) states.push(...new Array<boolean>(1 + random(5) ** 2).fill(random(odds) > 0));
    return states.slice(0, pages);
  };
  const [present, hole] = [runsOf(2), runsOf(2)];
  // Decides the bitmap's byte order: in the other one it stands past the end.
  present[pages - 1] = true;
  const image = new Uint8Array(pages * pageSize);
  for (let page = 0; page < pages; page++) {
    if (present[page] === true) image.fill(1 + random(255), page * pageSize, (page + 1) * pageSize);
  }
  const block: MadeBlock = { name: 'pc.ram', image, pageSize, absent: (page) => present[page] !== true, stale: 0x61 };
  const file = await makeGuestFile(join(folder(), `m${seed}`), [block], options);
  const at = file.pagesOffset.get('pc.ram') ?? 0;
  punch(
    file.path,
    at,
    pageSize,
    hole.flatMap((is, page) => (is ? [page] : [])),
  );
  return { file, expected: present.map((is, page) => ({ present: is, hole: hole[page] === true })) };
}

/** Waits until a scan has come to its end. */
async function ended({ api }: InspectorPages, scan: PageScan): Promise<PageScanState> {
  for (;;) {
    const state = (await api.scans()).find((one) => one.scan === scan);
    if (state !== undefined && state.state !== 'running' && state.state !== 'not begun') return state;
  }
}

const flagsOf = ({ present, hole }: Expected): number =>
  (present ? PAGE_FLAGS.present : 0) | (hole ? 0 : PAGE_FLAGS.data);

/** Counts as `OVERVIEW_COUNTS` of pages' flags, by the plainest loop there is. */
function naiveCounts(flags: readonly number[]): number[] {
  const { present, data, mismatch, duplicate, changed } = PAGE_FLAGS;
  const kinds = {
    present: (one: number) => (one & present) !== 0,
    lost: (one: number) => (one & present) !== 0 && (one & data) === 0,
    stale: (one: number) => (one & present) === 0 && (one & data) !== 0,
    mismatch: (one: number) => (one & mismatch) !== 0,
    duplicate: (one: number) => (one & duplicate) !== 0,
    changed: (one: number) => (one & changed) !== 0,
  };
  return OVERVIEW_COUNTS.map((kind) => flags.filter(kinds[kind]).length);
}

describe('pages of a file', () => {
  it.each([
    ['little', 777, PAGE],
    ['big', 970, PAGE],
    ['little', 130, 65536],
  ] as const)(
    'are present, lost and stale as its %s-endian bitmap and its holes say: %i of %i',
    async (order, pages, pageSize) => {
      const { file, expected } = await patchyFile(pages, pages, { order, pageSize });
      const one = open(file);
      const { api } = one;
      const first = await api.pages('pc.ram', 0, pages);
      expect(first).toMatchObject({ first: 0, classes: null, entropy: null });
      expect([...first.flags].map((flags) => flags & 1)).toEqual(expected.map(({ present }) => Number(present)));
      expect(await ended(one, 'allocation')).toMatchObject({
        state: 'done',
        doneBytes: pages * pageSize,
        totalBytes: pages * pageSize,
      });
      const flags = [...(await api.pages('pc.ram', 0, pages)).flags];
      expect(flags).toEqual(expected.map(flagsOf));
      expect((await api.pages('pc.ram', pages - 3, 100)).flags).toHaveLength(3);
      expect((await api.pages('pc.ram', pages + 3, 100)).flags).toHaveLength(0);

      await one.setChanged('pc.ram', [
        [3, 40],
        [100, 1],
        [pages - 2, 1000],
      ]);
      const changed = flags.map((bits, page) =>
        (page >= 3 && page < 43) || page === 100 || page >= pages - 2 ? bits | PAGE_FLAGS.changed : bits,
      );
      expect([...(await api.pages('pc.ram', 0, pages)).flags]).toEqual(changed);
      const random = randomFrom(pages);
      for (let time = 0; time < 60; time++) {
        const [from, count, cells] = [random(pages), random(pages), 1 + random(40)];
        const overview = await api.overview('pc.ram', from, count, cells);
        const part = changed.slice(from, from + count);
        expect(overview.perCell).toBe(Math.max(1, Math.ceil(part.length / cells)));
        const naive = [];
        for (let at = 0; at < part.length; at += overview.perCell)
          naive.push(...naiveCounts(part.slice(at, at + overview.perCell)));
        expect([...overview.counts]).toEqual(naive);
        const { pages: counted, ...totals } = await api.totals('pc.ram', from, count);
        expect([counted, ...Object.values(totals)]).toEqual([part.length, ...naiveCounts(part)]);

        const [set, clear, direction] = [
          random(32) & random(32),
          random(32) & random(32),
          random(2) === 0 ? 1 : -1,
        ] as const;
        const found = changed
          .map((bits, page) => ({ bits, page }))
          .filter(({ bits, page }) => (bits & set) === set && (bits & clear) === 0 && (page - from) * direction >= 0);
        const nearest = direction === 1 ? found[0] : found.at(-1);
        expect(await api.nextPage('pc.ram', from, direction, set, clear)).toBe(nearest?.page ?? null);
      }
      expect(await api.nextPage('pc.ram', pages, 1, 0, 0)).toBeNull();
      expect(await api.nextPage('pc.ram', 2 ** 40, -1, 0, 0)).toBe(pages - 1);
      await one.clearChanged();
      expect([...(await api.pages('pc.ram', 0, pages)).flags]).toEqual(flags);
    },
  );

  it('of a file that was cut are lost behind its end', async () => {
    const image = new Uint8Array(64 * PAGE).fill(7);
    const file = await makeGuestFile(join(folder(), 'm'), [{ name: 'pc.ram', image, absent: () => false }]);
    const at = file.pagesOffset.get('pc.ram') ?? 0;
    await truncate(file.path, at + 40 * PAGE + 100);
    const one = open(file);
    await one.api.beginScan('allocation');
    await ended(one, 'allocation');
    expect(await one.api.totals('pc.ram', 0, 64)).toMatchObject({ present: 64, lost: 24 });
  });

  it.each<[string, (api: InspectorPages['api']) => Promise<unknown>, string]>([
    ['another block', (api) => api.pages('rom', 0, 1), 'usage'],
    ['a long name', (api) => api.pages('x'.repeat(300), 0, 1), 'usage'],
    ['too many pages', (api) => api.pages('pc.ram', 0, 65_537), 'usage'],
    ['pages before the first', (api) => api.totals('pc.ram', -1, 5), 'usage'],
    ['no cells', (api) => api.overview('pc.ram', 0, 5, 0), 'usage'],
    ['too many cells', (api) => api.overview('pc.ram', 0, 5, 65_537), 'usage'],
    ['no direction', (api) => api.nextPage('pc.ram', 0, 0 as 1, 1, 0), 'usage'],
    ['another scan', (api) => api.beginScan('guess' as PageScan), 'usage'],
  ])('are refused for %s', async (_, ask, code) => {
    const image = new Uint8Array(64 * PAGE).fill(7);
    const file = await makeGuestFile(join(folder(), 'm'), [{ name: 'pc.ram', image, absent: () => false }]);
    await expect(ask(open(file).api)).rejects.toMatchObject({ failure: { code } });
  });

  it('of what is no stream are refused with the reason', async () => {
    const file = await makeGuestFile(join(folder(), 'm'), []);
    await writeFile(file.path, 'nothing');
    const one = open(file);
    await expect(one.api.pages('pc.ram', 0, 1)).rejects.toMatchObject({ failure: { code: 'format.not-a-stream' } });
    await one.api.beginScan('allocation');
    expect((await ended(one, 'allocation')).why).toContain('magic');
  });
});
