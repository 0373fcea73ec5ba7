import { execFile } from 'node:child_process';
import { mkdir, open, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { tempDirPerTest } from '../../test/support/temp';
import { createFileRegistry } from './registry';

const temp = tempDirPerTest('sf-f');
const run = promisify(execFile);

describe('a lease', () => {
  it('opens the very same file, also after its name went to another one', async () => {
    const files = createFileRegistry();
    const path = join(temp(), 'memory.mapped');
    await writeFile(path, 'first');
    const { dev, ino } = await stat(path, { bigint: true });
    const { lease, release } = await files.lendPath(path, 4096);
    await rename(path, join(temp(), 'elsewhere'));
    await writeFile(path, 'second');
    expect(lease).toEqual({
      path: expect.stringMatching(`^/proc/${process.pid}/fd/\\d+$`) as string,
      dev: String(dev),
      ino: String(ino),
      name: path,
      streamOffset: 4096,
    });
    await unlink(join(temp(), 'elsewhere'));
    expect((await run('cat', [lease.path])).stdout).toBe('first');
    await release();
  });

  it('lends a handle that somebody else opened, and closes it on release, once', async () => {
    const files = createFileRegistry();
    const path = join(temp(), 'f');
    const handle = await open(path, 'w+');
    const { lease, release } = await files.lend(handle, 'the file being written');
    expect([lease.name, lease.streamOffset, files.openCount()]).toEqual(['the file being written', null, 1]);
    await writeFile(lease.path, 'written through the lease');
    expect(await readFile(path, 'utf8')).toBe('written through the lease');
    await Promise.all([release(), release()]);
    expect(files.openCount()).toBe(0);
    await expect(handle.stat()).rejects.toMatchObject({ code: 'EBADF' });
  });

  it('counts what is open, and forgets a handle that turns out to be closed', async () => {
    const files = createFileRegistry();
    const paths = ['a', 'b', 'c'].map((name) => join(temp(), name));
    await Promise.all(paths.map((path) => writeFile(path, path)));
    const lent = await Promise.all(paths.map((path) => files.lendPath(path)));
    expect(files.openCount()).toBe(3);
    await lent[1]?.release();
    expect(files.openCount()).toBe(2);
    const dead = await open(paths[0] ?? '', 'r');
    await dead.close();
    await expect(files.lend(dead, 'dead')).rejects.toThrow();
    expect(files.openCount()).toBe(2);
    await Promise.all(lent.map(({ release }) => release()));
    expect(files.openCount()).toBe(0);
  });

  const refused: Record<string, [(path: string) => Promise<unknown>, string]> = {
    'a missing file': [() => Promise.resolve(), 'file.not-found'],
    'a folder': [(path) => mkdir(path), 'file.not-a-file'],
    'a named pipe, without waiting for a writer': [(path) => run('mkfifo', [path]), 'file.not-a-file'],
    'a socket': [
      (path) =>
        run(process.execPath, [
          '-e',
          'process.umask(0); require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, 9))',
          path,
        ]).catch(() => undefined),
      'file.not-a-file',
    ],
    'a path through a file': [(path) => writeFile(path, ''), 'file.not-found'],
  };
  it.each(Object.entries(refused))('is refused for %s, with the path', async (name, [make, code]) => {
    const made = join(temp(), 'x');
    await make(made);
    const path = name.includes('through') ? join(made, 'y') : made;
    const files = createFileRegistry();
    await expect(files.lendPath(path)).rejects.toMatchObject({ failure: { code, where: { path } } });
    expect(files.openCount()).toBe(0);
  });

  it('is refused for a character device', async () => {
    await expect(createFileRegistry().lendPath('/dev/zero')).rejects.toMatchObject({
      failure: { code: 'file.not-a-file' },
    });
  });
});
