import { stat, writeFile, open, rm } from 'node:fs/promises';
import { it } from 'vitest';
import { createTransferApi } from '../../src-worker/transfer/service';
import type { Lease } from '../../src-shared/contracts/lease';
import { buildStream, Bytes } from '../support/stream-builder';

async function leaseOf(path: string): Promise<Lease> {
  const { dev, ino } = await stat(path, { bigint: true });
  return { path, dev: String(dev), ino: String(ino), name: path, streamOffset: null };
}
for (const dir of ['/dev/shm', '/tmp'])
it('speed ' + dir, async () => {
  const GIB = 1 << 30;
  const whole = buildStream({ mapped: false, blocks: [{ name: 'pc.ram', usedLength: GIB }], records: [(b) => b.uint(0x08, 8).name('pc.ram').raw(Buffer.alloc(4096, 1))] });
  // splice
  const marker = Buffer.from(whole).indexOf(Buffer.alloc(4096, 1)) + 4096;
  const src = dir + '/transfer-speed-s', out = dir + '/transfer-speed-m', em = dir + '/transfer-speed-e';
  const f = await open(src, 'w');
  await f.write(whole.subarray(0, marker));
  const chunk = Buffer.alloc(256 * 4104);
  for (let p = 1; p < GIB / 4096; p += 256) {
    let n = 0;
    for (let q = p; q < Math.min(p + 256, GIB / 4096); q++) { chunk.writeUInt32BE(q * 4096 + 0x28, n + 4); chunk.fill(q & 255 | 1, n + 8, n + 4104); n += 4104; }
    await f.write(chunk.subarray(0, n));
  }
  await f.write(whole.subarray(marker));
  await f.close();
  const api = createTransferApi();
  for (let rep = 0; rep < 3; rep++) {
    await writeFile(out, '');
    let t0 = performance.now(), slow = 0;
    await api.beginTransfer({ kind: 'ingest', source: await leaseOf(src), target: await leaseOf(out) });
    for (;;) { const s = performance.now(); const p = await api.stepTransfer(); slow = Math.max(slow, performance.now() - s); if (p.done) break; }
    console.error(dir, 'ingest GB/s', GIB / 1e6 / (performance.now() - t0), 'longest step', slow);
    await writeFile(em, '');
    t0 = performance.now(); slow = 0;
    await api.beginTransfer({ kind: 'emit', source: await leaseOf(out), target: await leaseOf(em) });
    for (;;) { const s = performance.now(); const p = await api.stepTransfer(); slow = Math.max(slow, performance.now() - s); if (p.done) break; }
    console.error(dir, 'emit GB/s', GIB / 1e6 / (performance.now() - t0), 'longest step', slow);
  }
  await Promise.all([src, out, em].map((p) => rm(p)));
}, 120000);
