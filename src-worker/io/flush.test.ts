import { open, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { byteCount, fileOffset } from '@shared/bytes/units';
import type { Lease } from '@shared/contracts/worker';
import { tempDirPerTest } from '../../test/support/temp';
import { createWorkerApi } from '../api';
import { openLease } from './lease';

const MIB = 1024 * 1024;
const folder = tempDirPerTest('sfl');
const api = createWorkerApi();

async function leaseOf(path: string, lent = path): Promise<Lease> {
  const { dev, ino } = await stat(path, { bigint: true });
  return { path: lent, dev: String(dev), ino: String(ino), name: 'memory.mapped', streamOffset: null };
}

describe('a lease', () => {
  it('opens the file that was lent, even when its name is gone', async () => {
    const path = join(folder(), 'a');
    await writeFile(path, 'first');
    const handle = await open(path);
    try {
      const lease = await leaseOf(path, `/proc/${process.pid}/fd/${handle.fd}`);
      await rename(path, `${path}.moved`);
      await writeFile(path, 'second');
      const source = await openLease(lease);
      expect(Buffer.from(await source.read(fileOffset(0), byteCount(10))).toString()).toBe('first');
      await source.close();
    } finally {
      await handle.close();
    }
  });

  it('does not open another file of the same name', async () => {
    const path = join(folder(), 'a');
    await writeFile(path, 'first');
    const lease = await leaseOf(path);
    await writeFile(`${path}.new`, 'second');
    await rename(`${path}.new`, path);
    await expect(openLease(lease)).rejects.toMatchObject({
      failure: { code: 'file.changed', where: { path: 'memory.mapped' } },
    });
  });

  it('to nothing fails by the name that was given', async () => {
    const lease = { path: join(folder(), 'none'), dev: '1', ino: '1', name: 'memory.mapped', streamOffset: null };
    await expect(api.inspect(lease)).rejects.toMatchObject({
      failure: { code: 'file.not-found', where: { path: 'memory.mapped' } },
    });
  });
});

describe('flushing', () => {
  it('writes back range by range, then the whole, then the folder', async () => {
    const path = join(folder(), 'b');
    await writeFile(path, Buffer.alloc(16 * MIB, 0x5a));
    const lease = await leaseOf(path);
    for (let offset = 0; offset < 16 * MIB; offset += 4 * MIB) await api.writeBack(lease, offset, 4 * MIB);
    await api.dataSync(lease);
    await api.syncFolder(folder());
    expect((await stat(path)).blocks * 512).toBeGreaterThanOrEqual(16 * MIB);
  });

  it.each(['writeBack', 'dataSync'] as const)('by %s leaves the event loop free', async (step) => {
    const path = join(folder(), step);
    await writeFile(path, Buffer.alloc(128 * MIB, 0x5a));
    const lease = await leaseOf(path);
    let last = performance.now();
    let longestGap = 0;
    const tick = (): void => {
      longestGap = Math.max(longestGap, performance.now() - last);
      last = performance.now();
    };
    const timer = setInterval(tick, 1);
    const before = performance.now();
    await (step === 'dataSync' ? api.dataSync(lease) : api.writeBack(lease, 0, 128 * MIB));
    const took = performance.now() - before;
    tick();
    clearInterval(timer);
    // A call that held the loop would be one gap as long as itself.
    expect(longestGap).toBeLessThan(Math.max(took / 2, 50));
  });

  it('of what is no folder, or not there, fails with its code', async () => {
    const path = join(folder(), 'c');
    await writeFile(path, '');
    await expect(api.syncFolder(path)).rejects.toMatchObject({ failure: { code: 'file.not-found', where: { path } } });
    await expect(api.syncFolder(join(path, 'd'))).rejects.toMatchObject({ failure: { code: 'file.not-found' } });
  });

  it('of a range that cannot be fails with the name of the error', async () => {
    const path = join(folder(), 'd');
    await writeFile(path, 'x');
    await expect(api.writeBack(await leaseOf(path), -4096, 4096)).rejects.toMatchObject({
      failure: { code: 'file.io', what: 'sync_file_range failed: EINVAL' },
    });
  });
});
