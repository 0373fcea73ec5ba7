import { open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createWorkerApi } from '../../src-worker/api';
import { openPath } from '../../src-worker/io/file-source';
import { inspectSnapshot } from '../../src-worker/snapshot/inspect';
import { openSnapshot } from '../../src-worker/snapshot/open';
import { buildStream, writeStream, type Bytes } from '../support/stream-builder';
import { tempDirPerTest } from '../support/temp';

const GIB = 1024 ** 3;
const QUARTER = GIB / 4;
const folder = tempDirPerTest('sfb');

async function write(path: string, bytes: Bytes): Promise<void> {
  const file = await open(path, 'w');
  for (const part of bytes.parts) await file.write(part.bytes, 0, part.bytes.length, part.at);
  await file.close();
}

describe('a file of 128 GiB of RAM', () => {
  it('opens in well under 300 ms, and its 33 million pages are counted', async () => {
    const path = join(folder(), 'large');
    const pages = (128 * GIB) / 4096;
    const bitmap = new Uint8Array(pages / 8).map((_, at) => (at * 7919) & 0xff);
    const onesOf = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);
    const ones = bitmap.reduce((sum, byte) => sum + (onesOf[byte] ?? 0), 0);
    const rom = { name: 'rom', usedLength: 4096, present: [0] };
    await write(path, writeStream({ blocks: [{ name: 'pc.ram', usedLength: 128 * GIB, bitmap }, rom] }));
    expect((await stat(path)).size).toBeGreaterThan(128 * GIB);
    const source = await openPath(path);
    try {
      const times: number[] = [];
      for (let round = 0; round < 5; round++) {
        const before = performance.now();
        const report = await inspectSnapshot(await openSnapshot(source));
        times.push(performance.now() - before);
        expect(report).toMatchObject({ complete: true, problems: [] });
        expect(report.ramBlocks[0]).toMatchObject({ pagesTotal: pages, pagesPresent: ones });
      }
      console.log(`inspecting 128 GiB: ${times.map((time) => time.toFixed(0)).join(', ')} ms`);
      expect(Math.min(...times)).toBeLessThan(300);
    } finally {
      await source.close();
    }
  });

  it('that lost every page is judged in seconds, with bounded memory', async () => {
    const path = join(folder(), 'lost');
    const bitmap = new Uint8Array((128 * GIB) / 4096 / 8).fill(0xff);
    await write(path, writeStream({ blocks: [{ name: 'pc.ram', usedLength: 128 * GIB, bitmap }] }));
    const { dev, ino } = await stat(path, { bigint: true });
    const lease = { path, dev: String(dev), ino: String(ino), name: 'lost', streamOffset: null };
    const check = await createWorkerApi().checkSaved(lease);
    expect(check.ok).toBe(false);
    expect(check.wrong).toEqual([expect.stringMatching(/^Pages 0 to 33554431 of pc\.ram were lost/)]);
  });
});

describe('a legacy stream of 256 MiB', () => {
  it('is walked about as fast as it can be read', async () => {
    const path = join(folder(), 'legacy');
    const blocks = [{ name: 'pc.ram', usedLength: QUARTER }];
    // The frame of the stream, cut where its page records go.
    const frame = Buffer.from(buildStream({ mapped: false, blocks }));
    const cut = frame.indexOf(Buffer.from([0, 0, 0, 0, 0, 0, 0, 0x10]));
    const file = await open(path, 'w');
    await file.write(frame.subarray(0, cut), 0, cut, 0);
    let at = cut;
    const first = Buffer.concat([
      Buffer.from([0, 0, 0, 0, 0, 0, 0, 8, 6]),
      Buffer.from('pc.ram'),
      Buffer.alloc(4096, 3),
    ]);
    await file.write(first, 0, first.length, at);
    at += first.length;
    const batch = Buffer.alloc(1024 * 4104, 0xab);
    for (let page = 1; page + 1024 <= QUARTER / 4096; page += 1024) {
      for (let index = 0; index < 1024; index++)
        batch.writeBigUInt64BE(BigInt((page + index) * 4096 + 0x28), index * 4104);
      await file.write(batch, 0, batch.length, at);
      at += batch.length;
    }
    await file.write(frame.subarray(cut), 0, frame.length - cut, at);
    await file.close();
    const source = await openPath(path);
    try {
      const before = performance.now();
      const { stream } = await openSnapshot(source);
      const took = performance.now() - before;
      console.log(`walking a legacy stream of 256 MiB: ${took.toFixed(0)} ms`);
      expect(stream).toMatchObject({ complete: true, problems: [] });
      expect(stream.sections[0]).toMatchObject({ counts: { pages: 1 + 63 * 1024, zeroPages: 0 } });
      expect(took).toBeLessThan(5_000);
    } finally {
      await source.close();
      await rm(path);
    }
  });
});
