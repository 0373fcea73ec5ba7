import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { SearchHit, SearchRequest, SearchWhat } from '@shared/contracts/search';
import { driveSearch } from '@shared/search/drive';
import { randomFrom, randomRegex } from '@shared/search/random-regex.fixture';
import { makeGuestFile, type MadeBlock, type MadeGuestFile } from '../../test/support/guest-file';
import { tempDirPerTest } from '../../test/support/temp';
import { createSearch } from './service';

const PAGE = 1024;
const folder = tempDirPerTest('sfx');

interface Found {
  readonly block: string;
  readonly at: number;
  readonly length: number;
}

interface FindOptions {
  readonly ranges?: SearchRequest['ranges'];
  readonly most?: number;
  readonly workers?: number;
  readonly unitBytes?: number;
}

async function find(file: MadeGuestFile, what: SearchWhat, options: FindOptions = {}): Promise<SearchHit[]> {
  const workers = Array.from({ length: options.workers ?? 1 }, () => createSearch(options.unitBytes));
  const request = { what, ranges: options.ranges ?? null };
  try {
    const [plan] = await Promise.all(workers.map((worker) => worker.openSearch(file.lease, request, [])));
    if (plan === undefined) throw new Error('no plan');
    const hits: SearchHit[] = [];
    let searched = 0;
    for await (const step of driveSearch(workers, plan, { most: options.most ?? 1e9, apart: what.kind === 'regex' })) {
      hits.push(...step.hits);
      searched = step.searchedBytes;
    }
    if (options.most === undefined) expect(searched).toBe(plan.bytes);
    return hits;
  } finally {
    for (const worker of workers) worker.dispose();
  }
}

const brief = (hits: readonly SearchHit[]): Found[] =>
  hits.map(({ block, blockOffset, length }) => ({ block, at: blockOffset, length }));

/** Whether a place lies in pages that are left out, and in no other. */
function whollyAbsent({ absent, pageSize = PAGE }: MadeBlock, at: number, length: number): boolean {
  for (let page = Math.floor(at / pageSize); page * pageSize < at + length; page++) if (!absent(page)) return false;
  return true;
}

/** Every place where `fits` holds, by the plainest loop there is; not those in absent pages alone. */
function naive(
  blocks: readonly MadeBlock[],
  fits: (image: Uint8Array, at: number) => boolean,
  length: number,
): Found[] {
  return blocks.flatMap((block) => {
    const found: Found[] = [];
    for (let at = 0; at + length <= block.image.length; at++) {
      if (fits(block.image, at) && !whollyAbsent(block, at, length)) found.push({ block: block.name, at, length });
    }
    return found;
  });
}

/** What V8 finds in each block's image taken as Latin-1, but for what lies in absent pages alone. */
function oracle(blocks: readonly MadeBlock[], pattern: string, flags = 'g'): Found[] {
  return blocks.flatMap((block) =>
    [...Buffer.from(block.image).toString('latin1').matchAll(new RegExp(pattern, flags))]
      .map((match) => ({ block: block.name, at: match.index, length: match[0].length }))
      .filter(({ at, length }) => !whollyAbsent(block, at, length)),
  );
}

/** A block of `pages` pages, in runs that are present or absent, those filled by `fill`. */
function madeBlock(
  name: string,
  pages: number,
  random: (below: number) => number,
  fill: (page: Uint8Array) => void,
  pageSize = PAGE,
): MadeBlock {
  const image = new Uint8Array(pages * pageSize);
  const present: boolean[] = [];
  while (present.length < pages) present.push(...new Array<boolean>(1 + random(4)).fill(random(3) > 0));
  for (let page = 0; page < pages; page++) {
    if (present[page] === true) fill(image.subarray(page * pageSize, (page + 1) * pageSize));
  }
  // What a live save leaves under clear bits must never be found.
  return { name, image, pageSize, absent: (page) => present[page] !== true, stale: 0x61 };
}

/** Few different bytes, so that short needles stand everywhere, and zeros at the pages' edges, to reach over them. */
function fewBytes(random: (below: number) => number): (page: Uint8Array) => void {
  return (page) => {
    for (let at = 0; at < page.length; at++) {
      const edge = at < 12 || at >= page.length - 12;
      page[at] = edge ? ([0, 0, 0x61][random(3)] ?? 0) : ([0x61, 0x62, 0x41, 0, 0x0a][random(5)] ?? 0);
    }
  };
}

describe('bytes', () => {
  let blocks: MadeBlock[];
  let file: MadeGuestFile;
  beforeEach(async () => {
    const random = randomFrom(1);
    blocks = [
      madeBlock('pc.ram', 40, random, fewBytes(random)),
      madeBlock('big pages', 3, random, fewBytes(random), 65536),
      madeBlock('rom', 16, random, fewBytes(random), 512),
    ];
    file = await makeGuestFile(join(folder(), 'm'), blocks);
  });

  it.each([
    [[0x0a]],
    [[0x61, 0x62, 0x0a]],
    [[0, 0, 0x61]],
    [[0x61, 0, 0, 0]],
    [[0x61, 0x62, 0x41, 0x0a, 0x61]],
    [[0, 0, 0, 0]],
    [[0x61, 0x61, 0x61, 0x61]],
  ])('%j are found wherever a plain loop finds them', async (needle) => {
    const hex = Buffer.from(needle).toString('hex');
    const expected = naive(
      blocks,
      (image, at) => needle.every((byte, index) => image[at + index] === byte),
      needle.length,
    );
    expect(expected.length).toBeGreaterThan(0);
    for (const unitBytes of [8 * PAGE, undefined]) {
      const options = { workers: 2, ...(unitBytes === undefined ? {} : { unitBytes }) };
      expect(brief(await find(file, { kind: 'hex', hex }, options))).toEqual(expected);
    }
  });

  it('with wildcards are found wherever a plain loop finds them', async () => {
    const hits = brief(await find(file, { kind: 'hex', hex: '6? ?? 0a 4? 0?' }));
    const half = (byte: number | undefined): number => Math.floor((byte ?? 0) / 16);
    const fits = (image: Uint8Array, at: number): boolean =>
      half(image[at]) === 6 && image[at + 2] === 10 && half(image[at + 3]) === 4 && half(image[at + 4]) === 0;
    expect(hits).toEqual(naive(blocks, fits, 5));
    expect(hits.length).toBeGreaterThan(10);
  });

  it('in either case are found wherever a plain loop finds them', async () => {
    const hits = brief(await find(file, { kind: 'text', text: 'aBA\nb', encoding: 'utf8', ignoreCase: true }));
    const fits = (image: Uint8Array, at: number): boolean =>
      Buffer.from(image.subarray(at, at + 5))
        .toString('latin1')
        .toLowerCase() === 'aba\nb';
    expect(hits).toEqual(naive(blocks, fits, 5));
    expect(hits.length).toBeGreaterThan(10);
  });

  it('are found in the given ranges only, in their order, up to the most', async () => {
    const all = brief(await find(file, { kind: 'hex', hex: '6162' }));
    const ranges = [
      { block: 'rom', start: 700, end: 2000 },
      { block: 'pc.ram', start: 5001, end: 30_000 },
    ];
    const expected = ranges.flatMap(({ block, start, end }) =>
      all.filter((hit) => hit.block === block && hit.at >= start && hit.at < end),
    );
    expect(brief(await find(file, { kind: 'hex', hex: '6162' }, { ranges }))).toEqual(expected);
    expect(brief(await find(file, { kind: 'hex', hex: '6162' }, { ranges, most: 7 }))).toEqual(expected.slice(0, 7));
    await expect(
      find(file, { kind: 'hex', hex: '61' }, { ranges: [{ block: 'none', start: 0, end: 1 }] }),
    ).rejects.toMatchObject({ failure: { code: 'usage' } });
  });
});

describe('a hit', () => {
  it('tells its place in block, file and guest, and the bytes around it', async () => {
    const image = new Uint8Array(600 * 4096);
    image.set(Buffer.from('needle at a border'), 300 * 4096 - 6);
    image.fill(0xff, 500 * 4096, 501 * 4096);
    const file = await makeGuestFile(join(folder(), 'm'), [
      { name: 'pc.ram', image, pageSize: 4096, absent: (page) => page !== 299 && page !== 300 && page !== 500 },
    ]);
    const pagesOffset = file.pagesOffset.get('pc.ram') ?? 0;
    expect(await find(file, { kind: 'text', text: 'needle', encoding: 'utf8', ignoreCase: false })).toEqual([
      {
        block: 'pc.ram',
        blockOffset: 300 * 4096 - 6,
        page: 299,
        guestPhysical: 300 * 4096 - 6,
        fileOffset: pagesOffset + 300 * 4096 - 6,
        present: true,
        length: 6,
        context: '................needle at a border....',
        contextHex: `${'00'.repeat(16)}${Buffer.from('needle at a border').toString('hex')}00000000`,
        contextOffset: 300 * 4096 - 22,
      },
    ]);
    const [start, end] = await find(file, { kind: 'regex', pattern: '\\x00\\xff|\\xff\\x00', ignoreCase: false });
    expect(start).toMatchObject({ page: 499, blockOffset: 500 * 4096 - 1, present: false, length: 2 });
    expect(end).toMatchObject({ page: 500, blockOffset: 501 * 4096 - 1, present: true, length: 2 });
  });
});

describe('regular expressions', () => {
  const WORDS = [
    'alpha ',
    'beta',
    ' gamma=',
    '12345',
    'XY',
    '\n',
    '\0',
    '\0\0\0',
    'a@b.c',
    'foo-bar',
    '\xff\xfe',
    'aaaa',
    'key: ',
  ];
  const random = randomFrom(5);
  const words = (page: Uint8Array): void => {
    for (let at = 0; at < page.length;) {
      const word = Buffer.from(WORDS[random(WORDS.length)] ?? '', 'latin1').subarray(0, page.length - at);
      page.set(word, at);
      at += word.length;
    }
  };
  const blocks = [madeBlock('pc.ram', 300, random, words), madeBlock('more', 40, random, words)];

  it.each([
    'foo-bar',
    'foo|gamma|12345X',
    '[a-z]+@[a-z]\\.c',
    '[A-Z]{2}[0-9]+',
    'key: (?:alpha|beta)[^\\n]*gamma',
    'a+X?Y',
    '\\x00\\x00+a',
    'Y\\x00*beta',
    'beta[\\x00-\\x1f]{3,}',
    '[0-9]{5}[0-9]{5}[0-9]+',
    'X.*Y.*?=',
    '[^\\x00]{60}',
    '(?:XY)+\\xff',
    '\\w+-\\w+',
    '[\\x80-\\xff]{4}',
    'a[^q]{40,50}@',
    '(?:foo|bar|key|XY|12|alp|gam|bet|@b)[^a-z]',
  ])('%s matches where V8 finds it, in units of any size', async (pattern) => {
    const file = await makeGuestFile(join(folder(), 'm'), blocks);
    const expected = oracle(blocks, pattern);
    expect(expected.length).toBeGreaterThan(0);
    for (const unitBytes of [16 * PAGE, undefined]) {
      const options = { workers: 2, ...(unitBytes === undefined ? {} : { unitBytes }) };
      expect(brief(await find(file, { kind: 'regex', pattern, ignoreCase: false }, options))).toEqual(expected);
    }
  });

  it('in either case match where V8 finds them', async () => {
    const file = await makeGuestFile(join(folder(), 'm'), blocks);
    const hits = brief(await find(file, { kind: 'regex', pattern: '(GAMMA|x.)=?1[^B]', ignoreCase: true }));
    expect(hits).toEqual(oracle(blocks, '(GAMMA|x.)=?1[^B]', 'gi'));
  });

  it('made by chance match where V8 finds them', async () => {
    const small = madeBlock('pc.ram', 6, random, (page) => {
      for (let at = 0; at < page.length; at++) page[at] = [0x61, 0x62, 0x63, 0x0a, 0][random(5)] ?? 0;
    });
    const whole = { ...small, absent: () => false };
    const file = await makeGuestFile(join(folder(), 'm'), [whole]);
    for (let round = 0; round < 150; round++) {
      const pattern = randomRegex(random);
      if (pattern === null) continue;
      const hits = brief(await find(file, { kind: 'regex', pattern, ignoreCase: false }, { unitBytes: 8 * PAGE }));
      expect({ pattern, hits }).toEqual({ pattern, hits: oracle([whole], pattern) });
    }
  });

  it('that match zeros are not looked for in absent pages', async () => {
    const image = new Uint8Array(5000 * 4096);
    image.fill(1, 2500 * 4096, 2501 * 4096 - 6);
    const file = await makeGuestFile(join(folder(), 'm'), [
      { name: 'pc.ram', image, pageSize: 4096, absent: (page) => page !== 2500 },
    ]);
    const hits = brief(await find(file, { kind: 'regex', pattern: '\\x00{4}', ignoreCase: false }));
    expect(hits).toContainEqual({ block: 'pc.ram', at: 2501 * 4096 - 6, length: 4 });
    expect(hits.length).toBeLessThan(4);
    const long = brief(await find(file, { kind: 'regex', pattern: '\\x01\\x00+', ignoreCase: false }));
    expect(long).toEqual([{ block: 'pc.ram', at: 2501 * 4096 - 7, length: image.length - (2501 * 4096 - 7) }]);
  });
});

it('a search answers after a while, however hard the expression is, and goes on from there', async () => {
  const random = randomFrom(9);
  const block = madeBlock('pc.ram', 6000, random, (page) => {
    for (let at = 0; at < page.length; at++) page[at] = random(1000) < 500 ? 0x61 : 0x62;
  });
  const file = await makeGuestFile(join(folder(), 'm'), [block]);
  const search = createSearch();
  const what = { kind: 'regex', pattern: 'a.{120}c', ignoreCase: false } as const;
  await search.openSearch(file.lease, { what, ranges: null }, []);
  let answers = 0;
  let from: number | null = null;
  let slowest = 0;
  do {
    const began = performance.now();
    const { hits, next }: Awaited<ReturnType<typeof search.searchUnit>> = await search.searchUnit(0, from, 10);
    // The first stretch is read before it is known how slow it is.
    if (answers > 0) slowest = Math.max(slowest, performance.now() - began);
    expect(hits).toEqual([]);
    from = next;
    answers++;
  } while (from !== null && answers < 5);
  expect(answers).toBeGreaterThan(2);
  expect(slowest).toBeLessThan(2000);
  search.dispose();
});
