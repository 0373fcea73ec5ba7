import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { makeTempDir, removeTempDir } from '../../test/support/temp';
import { moveToTrash } from './trash';

// Below the home folder's file system, so that the trash is the home's and not one at another mount point.
let home: string;
beforeEach(async () => {
  home = await makeTempDir('sf-t');
  vi.stubEnv('HOME', home);
  vi.stubEnv('XDG_DATA_HOME', join(home, 'share'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await removeTempDir(home);
});

it('moves a folder to the trash with its content and a note of where it was, without a desktop', async () => {
  expect(homedir()).toBe(home);
  const path = join(home, 'library', 'a [glob]* name');
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'memory.mapped'), 'pages');
  await moveToTrash(path);
  await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  const trash = join(home, 'share', 'Trash');
  const [name] = await readdir(join(trash, 'files'));
  expect(await readFile(join(trash, 'files', name ?? '', 'memory.mapped'), 'utf8')).toBe('pages');
  expect(await readFile(join(trash, 'info', `${name}.trashinfo`), 'utf8')).toContain(`Path=${encodeURI(path)}`);
});

it('says what is not there to be moved', async () => {
  const path = join(home, 'missing');
  await expect(moveToTrash(path)).rejects.toMatchObject({ failure: { code: 'file.io', where: { path } } });
});
