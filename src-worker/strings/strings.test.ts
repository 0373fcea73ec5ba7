import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MAX_UNIT_STRINGS, type StringEncoding, type StringsRequest } from '@shared/contracts/strings';
import { randomFrom } from '@shared/search/random-regex.fixture';
import { driveStrings } from '@shared/strings/drive';
import { makeGuestFile, type MadeBlock, type MadeGuestFile } from '../../test/support/guest-file';
import { tempDirPerTest } from '../../test/support/temp';
import { createStrings } from './service';
import { utf8Parts } from './utf8';

const PAGE = 1024;
const folder = tempDirPerTest('sfs');

interface Found {
  readonly block: string;
  readonly at: number;
  readonly length: number;
  readonly text: string;
}

async function strings(
  file: MadeGuestFile,
  request: Partial<StringsRequest> = {},
  unitBytes?: number,
): Promise<Found[]> {
  const workers = [createStrings(unitBytes), createStrings(unitBytes)];
  try {
    const whole = { encoding: 'ascii', least: 4, filter: '', ranges: null, ...request } as const;
    const [plan] = await Promise.all(workers.map((worker) => worker.openStrings(file.lease, whole)));
    const found: Found[] = [];
    if (plan === undefined) return [];
    for await (const part of driveStrings(workers, plan, { most: Infinity, ramMap: [] })) {
      for (const { block, blockOffset, length, text } of part.strings)
        found.push({ block, at: blockOffset, length, text });
    }
    return found;
  } finally {
    for (const worker of workers) await worker.closeStrings();
  }
}

const isText = (byte: number | undefined): boolean => byte === 9 || (byte !== undefined && byte >= 0x20 && byte < 0x7f);

/** Every string by the plainest loop there is. */
function naive({ name, image }: MadeBlock, encoding: StringEncoding, least: number): Found[] {
  const found: Found[] = [];
  const bytes = Buffer.from(image);
  if (encoding === 'utf8') {
    // Taken apart as U+FFFD by the platform's own decoder, one character after another.
    for (let at = 0; at < bytes.length;) {
      let end = at;
      let characters = 0;
      for (let length = sizeAt(bytes, end); length > 0; length = sizeAt(bytes, end)) {
        end += length;
        characters++;
      }
      if (characters >= least) found.push({ block: name, at, length: end - at, text: bytes.toString('utf8', at, end) });
      at = Math.max(at + 1, end);
    }
    return found;
  }
  const step = encoding === 'utf16' ? 2 : 1;
  const begins = (at: number): boolean =>
    at >= 0 && at + step <= bytes.length && isText(bytes[at]) && (step === 1 || bytes[at + 1] === 0);
  for (let at = 0; at < bytes.length; at++) {
    if (!begins(at) || begins(at - step)) continue;
    let end = at;
    while (begins(end)) end += step;
    if (end - at < least * step) continue;
    const text = bytes.toString(step === 1 ? 'latin1' : 'utf16le', at, end);
    found.push({ block: name, at, length: end - at, text });
  }
  return found;
}

/** Bytes of the printable character at a place, as Node decodes it; 0 when none is there. */
function sizeAt(bytes: Buffer, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
    const text = bytes.toString('utf8', at, at + length);
    const point = text.codePointAt(0) ?? 0;
    if (text.includes('\ufffd') || Buffer.from(text).length !== length) continue;
    return String.fromCodePoint(point) === text && (isText(point) || point >= 0xa0) ? length : 0;
  }
  return 0;
}

function madeBlock(name: string, pages: number, seed: number, alphabet: readonly (readonly number[])[]): MadeBlock {
  const random = randomFrom(seed);
  const image = new Uint8Array(pages * PAGE);
  const present = Array.from({ length: pages }, () => random(4) > 0);
  for (let page = 0; page < pages; page++) {
    if (present[page] !== true) continue;
    for (let at = 0; at < PAGE;) {
      for (const byte of alphabet[random(alphabet.length)] ?? []) {
        if (at < PAGE) image[page * PAGE + at++] = byte;
      }
    }
  }
  return { name, image, pageSize: PAGE, absent: (page) => present[page] !== true, stale: 0x41 };
}

const each = (...bytes: readonly number[]): number[][] => bytes.map((byte) => [byte]);
const LETTERS = each(0x61, 0x62, 0x7e, 0x20, 0x09, 0x7a, 0x41);

describe.each<[StringEncoding, readonly (readonly number[])[]]>([
  ['ascii', [...LETTERS, ...LETTERS, ...each(0x7f, 0x1f, 0x80)]],
  ['utf16', [[0x61, 0], [0x62, 0], [0x7e, 0], [0x20, 0], [0x41, 0], [0x42, 0], [0x43, 0], [0], [0x61]]],
  [
    'utf8',
    [
      ...LETTERS,
      ...LETTERS,
      ...each(0xc3, 0xa9, 0x80, 0xed, 0),
      [0xc3, 0xa9],
      [0xe2, 0x82, 0xac],
      [0xf0, 0x9f, 0x98, 0x80],
    ],
  ],
])('strings in %s', (encoding, alphabet) => {
  it('are those of a plain loop, over borders of pages and units', async () => {
    const blocks = [madeBlock('pc.ram', 120, 3, alphabet), madeBlock('rom', 12, 4, alphabet)];
    const file = await makeGuestFile(join(folder(), 'm'), blocks);
    for (const least of [2, 4, 9]) {
      const expected = blocks.flatMap((block) => naive(block, encoding, least));
      expect(expected.length).toBeGreaterThan(least === 9 ? 5 : 100);
      for (const unitBytes of [8 * PAGE, 64 * PAGE, undefined]) {
        expect(await strings(file, { encoding, least }, unitBytes)).toEqual(expected);
      }
    }
  });
});

describe('a string', () => {
  it('is found in the given ranges only, by its first byte', async () => {
    const block = madeBlock('pc.ram', 60, 8, [...LETTERS, ...each(0, 0x80)]);
    const file = await makeGuestFile(join(folder(), 'm'), [block]);
    const range = { block: 'pc.ram', start: 5001, end: 40_003 };
    const expected = naive(block, 'ascii', 4).filter(({ at }) => at >= range.start && at < range.end);
    expect(await strings(file, { ranges: [range] }, 8 * PAGE)).toEqual(expected);
  });

  it('is told once, however many there are in a unit', async () => {
    const image = new Uint8Array(60 * PAGE);
    for (let at = 0; at + 4 <= image.length; at += 3) image.set(Buffer.from('ab'), at);
    const file = await makeGuestFile(join(folder(), 'm'), [
      { name: 'pc.ram', image, pageSize: PAGE, absent: () => false },
    ]);
    const found = await strings(file, { least: 2 });
    expect(found.length).toBeGreaterThan(3 * MAX_UNIT_STRINGS);
    expect(found.map(({ at }) => at)).toEqual(Array.from({ length: found.length }, (_, index) => index * 3));
  });

  it('has the text that is asked for in it, whatever its case', async () => {
    const block = madeBlock('pc.ram', 60, 8, [...LETTERS, ...each(0, 0x80)]);
    const file = await makeGuestFile(join(folder(), 'm'), [block]);
    const expected = naive(block, 'ascii', 4).filter(({ text }) => text.toLowerCase().includes('ab~'));
    expect(expected.length).toBeGreaterThan(3);
    expect(await strings(file, { filter: 'aB~' })).toEqual(expected);
  });

  it('of any length is told once, its text cut', async () => {
    const image = new Uint8Array(3000 * PAGE).fill(0x78, 100, 40_100);
    image.fill(0x79, 1_000_000, 2_500_000);
    const file = await makeGuestFile(join(folder(), 'm'), [
      { name: 'pc.ram', image, pageSize: PAGE, absent: () => false },
    ]);
    const [first, second] = await strings(file);
    expect(first).toEqual({ block: 'pc.ram', at: 100, length: 40_000, text: 'x'.repeat(4096) });
    expect(second).toMatchObject({ at: 1_000_000, text: 'y'.repeat(4096) });
    expect(second?.length).toBeGreaterThan(64 * 1024);
  });
});

it('characters of UTF-8 are those of the platform, and others are between', () => {
  for (let first = 0; first < 256; first++) {
    for (const second of [0x20, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff]) {
      for (const third of [0x7f, 0x80, 0xbf, 0xc0]) {
        const bytes = Buffer.from([first, second, third, 0x80, 0x61]);
        const parts: string[] = [];
        utf8Parts(bytes, (offset, length) => parts.push(`${offset}+${length}`));
        const expected: string[] = [];
        for (let at = 0; at < bytes.length;) {
          let end = at;
          while (sizeAt(bytes, end) > 0) end += sizeAt(bytes, end);
          if (end > at) expected.push(`${at}+${end - at}`);
          at = Math.max(at + 1, end);
        }
        expect([first, second, third, parts]).toEqual([first, second, third, expected]);
      }
    }
  }
});
