import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { renameByClaim, renameNoReplace } from './libc';

let folder: string;
const at = (name: string): string => join(folder, name);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stillframe-rename-'));
  await mkdir(at('from'));
  await writeFile(at('from/inside'), '');
});
afterEach(() => rm(folder, { recursive: true }));

describe.each([
  ['with the flag of renameat2', renameNoReplace],
  ['without it', renameByClaim],
])('renaming a folder %s', (_, renameFolder) => {
  test('gives it the new name', async () => {
    await renameFolder(at('from'), at('to'));
    expect(await readdir(folder)).toEqual(['to']);
    expect(await readdir(at('to'))).toEqual(['inside']);
  });

  test.each(['an empty folder', 'a full folder', 'a file'])('never replaces %s', async (there) => {
    if (there === 'a file') await writeFile(at('to'), 'theirs');
    else await mkdir(at('to'));
    if (there === 'a full folder') await writeFile(at('to/theirs'), '');
    const before = await readdir(folder, { recursive: true });
    await expect(renameFolder(at('from'), at('to'))).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await readdir(folder, { recursive: true })).toEqual(before);
  });

  test('that is not there leaves nothing behind', async () => {
    await expect(renameFolder(at('none'), at('to'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await readdir(folder)).toEqual(['from']);
  });

  test('into itself is refused and leaves it as it was', async () => {
    await expect(renameFolder(at('from'), at('from/inner'))).rejects.toMatchObject({ code: 'EINVAL' });
    expect(await readdir(at('from'))).toEqual(['inside']);
  });
});
