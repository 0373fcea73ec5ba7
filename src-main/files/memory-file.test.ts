import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { makeMemoryFile } from './memory-file';
import { SystemError } from './system-call';

const MIB = 1024 * 1024;

/** Descriptors of this process on files of this name. */
async function held(name: string): Promise<number> {
  const fds = await readdir('/proc/self/fd');
  const links = await Promise.all(fds.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return links.filter((link) => link.startsWith(`/memfd:${name} `)).length;
}

describe('a memory file', () => {
  it('has its size, takes no memory before it is written, and is read by its descriptor', async () => {
    const file = await makeMemoryFile('test-ram', 1024 * MIB);
    expect(await held('test-ram')).toBe(1);
    const { size, blocks } = await file.stat();
    expect([size, blocks]).toEqual([1024 * MIB, 0]);
    await file.write('guest', 512 * MIB);
    expect((await file.stat()).blocks * 512).toBeLessThanOrEqual(2 * MIB);
    const path = `/proc/${process.pid}/fd/${file.fd}`;
    expect((await stat(path)).size).toBe(1024 * MIB);
    await file.close();
    expect(await held('test-ram')).toBe(0);
  });

  it('of huge pages takes none before it is mapped; a kernel without them refuses it', async () => {
    const meminfo = async (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(await readFile('/proc/meminfo', 'utf8'))?.[1] ?? 0);
    const pageBytes = (await meminfo('Hugepagesize')) * 1024;
    if (pageBytes === 0) {
      await expect(makeMemoryFile('test-huge', MIB, true)).rejects.toThrow();
      return;
    }
    const before = await meminfo('HugePages_Free');
    const file = await makeMemoryFile('test-huge', pageBytes, true);
    expect((await file.stat()).blksize).toBe(pageBytes);
    expect(await meminfo('HugePages_Free')).toBe(before);
    await file.close();
  });

  it.each([
    ['a name that is too long', 'x'.repeat(300), MIB],
    ['a size that no file has', 'test-ram', 2 ** 63],
  ])('is not made with %s, and leaves nothing open', async (_, name, bytes) => {
    const failed: unknown = await makeMemoryFile(name, bytes).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(Error);
    if (name.length > 255) expect(failed).toBeInstanceOf(SystemError);
    expect(await held('test-ram')).toBe(0);
  });
});
