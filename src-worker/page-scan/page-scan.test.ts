import { xxh3 } from '@node-rs/xxhash';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { PAGE_CLASSES } from '@shared/contracts/inspector-pages';
import { classOf, levelOf, type PageScanApi } from '@shared/contracts/page-scan';
import { randomFrom } from '@shared/search/random-regex.fixture';
import { makeGuestFile, type MadeBlock } from '../../test/support/guest-file';
import { tempDirPerTest } from '../../test/support/temp';
import { COUNTS, featuresOver } from './kernels';
import { createPageScan } from './service';
import { twinFeatures } from './twin.fixture';

const folder = tempDirPerTest('sfc');
const random = randomFrom(3);
let scan: PageScanApi | null = null;
afterEach(() => scan?.closePages());

async function openScan(blocks: readonly MadeBlock[]): Promise<PageScanApi> {
  const { lease } = await makeGuestFile(join(folder(), 'm'), blocks);
  scan = createPageScan();
  await scan.openPages(lease);
  return scan;
}

/** A page whose words are chosen among what the kernel tells apart, and what is nearly that. */
function oddPage(size: number): Buffer {
  const page = Buffer.alloc(size);
  const kinds: readonly (() => bigint)[] = [
    () => 0n,
    () => BigInt.asUintN(64, BigInt(-random(5000))),
    () => 0xffff_ffff_0000_0000n + BigInt(random(3)) * 0x4000_0000n,
    () => 0xffff_8880_0000_0000n + BigInt(random(1e6)),
    () => 0xffff_0000_0000_0000n - BigInt(random(2)),
    () => (BigInt(random(256)) << 40n) + BigInt(random(1e6)),
    () => 0xffff_1234_5678n + BigInt(random(3)) * 0x8000_0000n,
    () => 0x8000_0000_1234_5063n + (BigInt(random(64)) << BigInt(random(60))),
    () => 0x0068_0000_4000_0f83n ^ (1n << BigInt(random(64))),
    () => BigInt(random(0x4000)) << BigInt(random(48)),
    () => randomBytes(8).readBigUInt64LE(),
    () => 0x48_89_48_8b_48_ff_48_39n ^ BigInt(random(65536)),
  ];
  for (let at = 0; at < size; at += 8)
    page.writeBigUInt64LE(BigInt.asUintN(64, kinds[random(kinds.length)]?.() ?? 0n), at);
  return page;
}

describe('the counts of a page', () => {
  it.each([512, 1024, 4096, 65536])('of %i bytes are those of the twin', (size) => {
    const memory = new WebAssembly.Memory({ initial: 3, maximum: 3 });
    const bytes = new Uint8Array(memory.buffer);
    const out = 2 * 65536;
    const features = featuresOver(memory);
    for (let time = 0; time < 40; time++) {
      // What was counted before, and what stands behind the page, counts for nothing.
      bytes.fill(0x89);
      const page = time === 0 ? Buffer.alloc(size) : time === 1 ? Buffer.alloc(size, 0x48) : oddPage(size);
      if (time % 2 === 0) page[size - 1] = 0x48;
      bytes.set(page, 64);
      features(64, size, out);
      expect([...new Uint32Array(memory.buffer, out, COUNTS.length)]).toEqual(twinFeatures(page));
    }
  });
});

/** Shannon's formula, value by value. */
function entropyOf(page: Uint8Array): number {
  let entropy = 0;
  for (let byte = 0; byte < 256; byte++) {
    const share = page.filter((value) => value === byte).length / page.length;
    if (share > 0) entropy -= share * Math.log2(share);
  }
  return entropy;
}

const TEXT = Buffer.from('The guest was stopped at 10:31, and all of its pages were there.\n'.repeat(2000));

describe('pages of a file', () => {
  const size = 4096;
  const gzip = gzipSync(Buffer.concat([randomBytes(size * 4), TEXT]));
  const made: readonly (readonly [string, Uint8Array])[] = [
    ['zero', new Uint8Array(size)],
    ['text', TEXT.subarray(0, size)],
    ['text', Buffer.concat([TEXT.subarray(0, 400), Buffer.alloc(size - 400)])],
    ['text', Buffer.from(TEXT.toString('latin1').slice(0, size / 2), 'utf16le')],
    ['compressed', randomBytes(size)],
    ['compressed', gzip.subarray(0, size)],
    ['pointers', words((at) => (at % 5 === 0 ? 0xffff_8880_1234_5000n + BigInt(at * 64) : BigInt(at)))],
    ['pointers', words((at) => (at % 3 === 0 ? 0x8000_0000_0012_3067n + (BigInt(at) << 12n) : 0n))],
    ['other', words((at) => BigInt(at))],
    ['other', new Uint8Array(size).fill(0xaa)],
    ['other', Buffer.concat([Buffer.from('few'), Buffer.alloc(size - 3)])],
  ];

  function words(value: (at: number) => bigint): Uint8Array {
    const page = Buffer.alloc(size);
    for (let at = 0; at < size / 8; at++) page.writeBigUInt64LE(value(at), at * 8);
    return page;
  }

  it('have the class and the entropy of their bytes; absent ones have none', async () => {
    const image = Buffer.concat([...made.map(([, page]) => page), Buffer.alloc(size)]);
    const service = await openScan([{ name: 'pc.ram', image, absent: (page) => page === made.length }]);
    const { looks } = await service.classifyPages('pc.ram', 0, 1000);
    expect([...looks].map((look) => PAGE_CLASSES[classOf(look)])).toEqual([...made.map(([name]) => name), 'unknown']);
    expect([...looks].map(levelOf)).toEqual([...made.map(([, page]) => Math.round((entropyOf(page) / 8) * 31)), 0]);
    expect((await service.classifyPages('pc.ram', 3, 2)).looks).toEqual(looks.slice(3, 5));
  });

  it.each([512, 4096, 65536, 2 * 1024 * 1024])('of %i bytes are hashed, but for those of zeros', async (pageSize) => {
    const image = new Uint8Array(16 * pageSize);
    image.set(randomBytes(pageSize), pageSize);
    image[4 * pageSize - 1] = 1;
    image.set(randomBytes(2 * pageSize), 7 * pageSize);
    const service = await openScan([{ name: 'pc.ram', image, pageSize, absent: (page) => page === 2, stale: 7 }]);
    const { hashes } = await service.hashPages('pc.ram', 0, 16);
    for (let page = 0; page < 16; page++) {
      const bytes = image.subarray(page * pageSize, (page + 1) * pageSize);
      const hash = (BigInt(hashes[page * 2 + 1] ?? 0) << 32n) + BigInt(hashes[page * 2] ?? 0);
      expect(hash).toBe(bytes.some((byte) => byte !== 0) ? xxh3.xxh64(bytes) : 0n);
    }
  });

  it('have a digest for each MiB, with zeros for absent pages; none where no page is present', async () => {
    const mib = 1024 * 1024;
    const image = new Uint8Array(3 * mib + 3 * size);
    image.set(randomBytes(5 * size), 3 * size);
    image.set(randomBytes(3 * size), 3 * mib);
    const absent = (page: number): boolean => page < 3 || (page >= 256 && page < 512);
    const service = await openScan([{ name: 'pc.ram', image, absent, stale: 7 }]);
    const { digests } = await service.digestPages('pc.ram', 0, 1000);
    const expected = [0, 1, 2, 3].map((unit) =>
      unit === 1 ? 0n : xxh3.xxh64(image.subarray(unit * mib, (unit + 1) * mib)),
    );
    expect([...new BigUint64Array(digests.buffer)]).toEqual(expected);
  });

  it('of another block are refused, and so are all while no file is open', async () => {
    const service = await openScan([{ name: 'pc.ram', image: new Uint8Array(size), absent: () => false }]);
    await expect(service.hashPages('rom', 0, 1)).rejects.toMatchObject({ failure: { code: 'usage' } });
    expect((await service.hashPages('pc.ram', 5, 1)).hashes).toHaveLength(0);
    await service.closePages();
    await expect(service.hashPages('pc.ram', 0, 1)).rejects.toMatchObject({ failure: { code: 'internal' } });
  });
});
