import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { SearchHit, SearchRequest, SearchWhat } from '@shared/contracts/search';
import { driveSearch } from '@shared/search/drive';
import { makeGuestFile, type MadeBlock, type MadeGuestFile } from '../../test/support/guest-file';
import { tempDirPerTest } from '../../test/support/temp';
import { createSearch } from './service';

const PAGE = 4096;
const SMALL = 1024;
const folder = tempDirPerTest('sfx');

/** Numbers that look random and are the same every time. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor(state / 256) % below;
  };
}

interface Found {
  readonly block: string;
  readonly at: number;
  readonly length: number;
}

async function find(
  file: MadeGuestFile,
  what: SearchWhat,
  more: {
    readonly ranges?: SearchRequest['ranges'];
    readonly most?: number;
    readonly workers?: number;
    readonly unitBytes?: number;
  } = {},
): Promise<SearchHit[]> {
  const workers = Array.from({ length: more.workers ?? 1 }, () => createSearch(more.unitBytes));
  const request = { what, ranges: more.ranges ?? null };
  try {
    const plans = await Promise.all(workers.map((worker) => worker.openSearch(file.lease, request, [])));
    const [plan] = plans;
    if (plan === undefined) throw new Error('no plan');
    const hits: SearchHit[] = [];
    const options = { most: more.most ?? 1e9, apart: what.kind === 'regex' };
    for await (const step of driveSearch(workers, plan, options)) hits.push(...step.hits);
    return hits;
  } finally {
    for (const worker of workers) worker.dispose();
  }
}

const brief = (hits: readonly SearchHit[]): Found[] =>
  hits.map(({ block, blockOffset, length }) => ({ block, at: blockOffset, length }));

/** Every place where `needle` stands in the images, by the plainest loop there is; not those in absent pages alone. */
function naive(
  blocks: readonly MadeBlock[],
  fits: (image: Uint8Array, at: number) => boolean,
  length: number,
): Found[] {
  return blocks.flatMap(({ name, image, absent, pageSize = PAGE }) => {
    const found: Found[] = [];
    for (let at = 0; at + length <= image.length; at++) {
      if (!fits(image, at)) continue;
      const [first, last] = [Math.floor(at / pageSize), Math.floor((at + length - 1) / pageSize)];
      const pages = Array.from({ length: last - first + 1 }, (_, index) => first + index);
      if (!pages.every(absent)) found.push({ block: name, at, length });
    }
    return found;
  });
}

const standsAt =
  (needle: Uint8Array) =>
  (image: Uint8Array, at: number): boolean =>
    needle.every((byte, index) => image[at + index] === byte);

/** A block of `pages` pages with an alphabet so small that short needles stand everywhere, and with absent pages. */
function smallAlphabet(pages: number, seed: number, pageSize = PAGE): MadeBlock {
  const random = randomFrom(seed);
  const image = new Uint8Array(pages * pageSize);
  const present = Array.from({ length: pages }, () => random(3) > 0);
  for (let page = 0; page < pages; page++) {
    if (present[page] !== true) continue;
    // Zeros at the edges, so that needles with zeros reach into absent neighbours.
    for (let at = 0; at < pageSize; at++) {
      const edge = at < 12 || at >= pageSize - 12;
      image[page * pageSize + at] = edge
        ? ([0, 0, 0x61][random(3)] ?? 0)
        : ([0x61, 0x62, 0x41, 0, 0x0a][random(5)] ?? 0);
    }
  }
  return { name: `ram${seed}`, image, pageSize, absent: (page) => present[page] !== true, stale: 0x61 };
}

describe('bytes', () => {
  let blocks: MadeBlock[];
  let file: MadeGuestFile;
  beforeEach(async () => {
    blocks = [smallAlphabet(300, 1), smallAlphabet(7, 2, 65536), smallAlphabet(64, 3, 1024)];
    file = await makeGuestFile(join(folder(), 'm'), blocks);
  });

  it.each([
    ['61', [0x61]],
    ['6162', [0x61, 0x62]],
    ['00 00 61', [0, 0, 0x61]],
    ['61 00 00 00', [0x61, 0, 0, 0]],
    ['61 62 41 0a 61', [0x61, 0x62, 0x41, 0x0a, 0x61]],
    ['00 00 00 00', [0, 0, 0, 0]],
    ['61 61 61 61 61 61', [0x61, 0x61, 0x61, 0x61, 0x61, 0x61]],
  ])('%s are found wherever a plain loop finds them', async (hex, needle) => {
    const hits = brief(await find(file, { kind: 'hex', hex }, { workers: 2 }));
    expect(hits).toEqual(naive(blocks, standsAt(Uint8Array.from(needle)), needle.length));
    expect(hits.length).toBeGreaterThan(0);
  });

  it('with wildcards are found wherever a plain loop finds them', async () => {
    const hits = brief(await find(file, { kind: 'hex', hex: '6? ?? 0a 4? 0?' }));
    const fits = (image: Uint8Array, at: number): boolean =>
      (image[at] ?? 0) >> 4 === 6 &&
      image[at + 2] === 10 &&
      (image[at + 3] ?? 0) >> 4 === 4 &&
      (image[at + 4] ?? 0) >> 4 === 0;
    expect(hits).toEqual(naive(blocks, fits, 5));
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
});

describe('regular expressions', () => {
  /** What V8 finds in each block's image taken as Latin-1, but for what lies in absent pages alone. */
  function oracle(blocks: readonly MadeBlock[], pattern: string): Found[] {
    return blocks.flatMap(({ name, image, absent, pageSize = PAGE }) =>
      [...Buffer.from(image).toString('latin1').matchAll(new RegExp(pattern, 'g'))].flatMap((match) => {
        const [at, length] = [match.index, match[0].length];
        const first = Math.floor(at / pageSize);
        const pages = Array.from({ length: Math.floor((at + length - 1) / pageSize) - first + 1 }, (_, n) => first + n);
        return pages.every(absent) ? [] : [{ block: name, at, length }];
      }),
    );
  }

  /** Text, zeros and bytes of all kinds, with runs of absent pages between. */
  function mixed(pages: number, seed: number): MadeBlock {
    const random = randomFrom(seed);
    const image = new Uint8Array(pages * SMALL);
    const words = [
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
    const present: boolean[] = [];
    while (present.length < pages) present.push(...new Array<boolean>(1 + random(5)).fill(random(3) > 0));
    for (let page = 0; page < pages; page++) {
      if (present[page] !== true) continue;
      for (let at = 0; at < SMALL;) {
        const word = Buffer.from(words[random(words.length)] ?? '', 'latin1').subarray(0, SMALL - at);
        image.set(word, page * SMALL + at);
        at += word.length;
      }
    }
    return { name: `mixed${seed}`, image, pageSize: SMALL, absent: (page) => present[page] !== true, stale: 0x41 };
  }

  const patterns = [
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
    'a[^q]{100,200}@',
  ];

  it.each(patterns)('%s matches where V8 finds it, in units of any size', async (pattern) => {
    const blocks = [mixed(1500, 5), mixed(40, 6)];
    const file = await makeGuestFile(join(folder(), 'm'), blocks);
    const expected = oracle(blocks, pattern);
    expect(expected.length).toBeGreaterThan(0);
    for (const unitBytes of [32 * 1024, 512 * 1024, undefined]) {
      const more = { workers: 2, ...(unitBytes === undefined ? {} : { unitBytes }) };
      const hits = brief(await find(file, { kind: 'regex', pattern, ignoreCase: false }, more));
      expect(hits).toEqual(expected);
    }
  });
});
