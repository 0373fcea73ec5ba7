import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  MAX_LISTED_TEXT,
  MAX_STRINGS,
  type ListedString,
  type StringsStep,
  type StringsWanted,
} from '@shared/contracts/inspector-strings';
import { blockOffset, byteCount, guestPhysical } from '@shared/bytes/units';
import { makeGuestFile, type MadeGuestFile } from '../../test/support/guest-file';
import { buildWorker, type BuiltWorker } from '../../test/support/services';
import { tempDirPerTest } from '../../test/support/temp';
import { createInspectorStrings, type InspectorStrings } from './strings';
import { createThreads, type InspectorThreads } from './threads';

const PAGE = 4096;
const PAGES = 600;
const folder = tempDirPerTest('sfw');
const wanted = (over: Partial<StringsWanted> = {}): StringsWanted => ({
  encoding: 'ascii',
  least: 6,
  filter: '',
  ranges: null,
  ...over,
});
let worker: BuiltWorker;
let file: MadeGuestFile;
let strings: InspectorStrings;
let threads: InspectorThreads;

beforeAll(async () => {
  worker = await buildWorker();
}, 60_000);
afterAll(() => worker.remove());

/** A word at the end of every third page, which goes on in the next one. */
async function serve(image: Uint8Array): Promise<void> {
  file = await makeGuestFile(join(folder(), 'm'), [{ name: 'pc.ram', image, pageSize: PAGE, absent: () => false }]);
  const map = [
    {
      block: 'pc.ram',
      blockOffset: blockOffset(0),
      guestPhysical: guestPhysical(2 ** 32),
      length: byteCount(image.length),
    },
  ];
  strings = createInspectorStrings(file.lease, map, threads);
}
beforeEach(async () => {
  threads = createThreads(worker.file);
  const image = new Uint8Array(PAGES * PAGE);
  for (let page = 0; page < PAGES - 1; page += 3) image.set(Buffer.from(`Needle ${page}`), page * PAGE + 4093);
  await serve(image);
});
afterEach(() => {
  strings.dispose();
  threads.dispose();
});

async function all(): Promise<{ strings: ListedString[] } & Omit<StringsStep, 'strings'>> {
  const found: ListedString[] = [];
  for (;;) {
    const step = await strings.api.nextStrings();
    found.push(...step.strings);
    if (step.done) return { ...step, strings: found };
  }
}

describe('strings of an inspector', () => {
  it('are listed by threads of its own, in order, with where they are', async () => {
    expect(await strings.api.beginStrings(wanted())).toEqual({ bytes: PAGES * PAGE });
    const { strings: found, searchedBytes, more } = await all();
    expect(found).toHaveLength(200);
    expect(found[1]).toEqual({
      block: 'pc.ram',
      blockOffset: 3 * PAGE + 4093,
      guestPhysical: 2 ** 32 + 3 * PAGE + 4093,
      fileOffset: (file.pagesOffset.get('pc.ram') ?? 0) + 3 * PAGE + 4093,
      length: 8,
      text: 'Needle 3',
    });
    expect([searchedBytes, more]).toEqual([PAGES * PAGE, false]);
  });

  it('are those with a text in them, in some ranges', async () => {
    await strings.api.beginStrings(wanted({ filter: 'needle 1' }));
    expect((await all()).strings.map(({ text }) => text).slice(0, 3)).toEqual(['Needle 12', 'Needle 15', 'Needle 18']);
    await strings.api.beginStrings(wanted({ ranges: [{ block: 'pc.ram', start: 0, end: 8 * PAGE }] }));
    expect((await all()).strings.map(({ text }) => text)).toEqual(['Needle 0', 'Needle 3', 'Needle 6']);
  });

  it('end, and give way to others', async () => {
    await strings.api.beginStrings(wanted());
    await strings.api.endStrings();
    expect(await strings.api.nextStrings()).toEqual({ strings: [], searchedBytes: 0, done: true, more: false });
    const [, second] = await Promise.all([
      strings.api.beginStrings(wanted()),
      strings.api.beginStrings(wanted({ filter: 'needle 597' })),
    ]);
    expect(second.bytes).toBe(PAGES * PAGE);
    expect((await all()).strings.map(({ text }) => text)).toEqual(['Needle 597']);
  });

  it('are at most so many, with at most so much text, and it is said', async () => {
    const image = new Uint8Array(PAGES * PAGE).fill(0x61);
    for (let at = 2000; at < image.length; at += 7) image[at] = 0;
    await serve(image);
    await strings.api.beginStrings(wanted());
    const { strings: found, more } = await all();
    expect([found.length, more]).toEqual([MAX_STRINGS, true]);
    expect([found[0]?.length, found[0]?.text]).toEqual([2000, 'a'.repeat(MAX_LISTED_TEXT)]);
  });

  it.each([
    [{ least: 1 }],
    [{ least: 1.5 }],
    [{ encoding: 'latin1' }],
    [{ filter: 'x'.repeat(201) }],
    [{ filter: 7 }],
    [{ ranges: [{ block: 7, start: 0, end: 1 }] }],
    [{ ranges: [{ block: 'pc.ram', start: -1, end: 1 }] }],
    [{ ranges: 'all' }],
  ])('are refused with %j', async (over) => {
    await expect(strings.api.beginStrings({ ...wanted(), ...over } as StringsWanted)).rejects.toMatchObject({
      failure: { code: 'worker.refused' },
    });
  });

  it('of a block that is not there are refused', async () => {
    const ranges = [{ block: 'none', start: 0, end: 1 }];
    await expect(strings.api.beginStrings(wanted({ ranges }))).rejects.toMatchObject({ failure: { code: 'usage' } });
  });
});
