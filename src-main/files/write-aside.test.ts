import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDirPerTest } from '../../test/support/temp';
import { writeAside } from './write-aside';

const temp = tempDirPerTest('sf-w');

it('replaces a file as a whole, for its owner only, and leaves nothing beside it', async () => {
  const path = join(temp(), 'settings.json');
  await writeFile(path, 'old');
  const before = await stat(path);
  await writeAside(path, 'new');
  expect(await readFile(path, 'utf8')).toBe('new');
  const after = await stat(path);
  expect(after.ino).not.toBe(before.ino);
  expect(after.mode & 0o777).toBe(0o600);
  expect(await readdir(temp())).toEqual(['settings.json']);
});

it('survives many writes at once: the file holds one of them, whole', async () => {
  const path = join(temp(), 'f');
  const texts = Array.from({ length: 50 }, (_, at) => String(at).repeat(2000));
  await Promise.all(texts.map((text) => writeAside(path, text)));
  expect(texts).toContain(await readFile(path, 'utf8'));
  expect(await readdir(temp())).toEqual(['f']);
});

it('leaves the old content and no rest when it cannot replace', async () => {
  const path = join(temp(), 'folder');
  await mkdir(join(path, 'inside'), { recursive: true });
  await expect(writeAside(path, 'x')).rejects.toThrow();
  expect(await readdir(temp())).toEqual(['folder']);
});
