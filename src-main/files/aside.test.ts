import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tempDirPerTest } from '../../test/support/temp';
import { openAside, refuseTaken, UNFINISHED_SUFFIX, type Aside } from './aside';

const temp = tempDirPerTest();
const at = (name: string): string => join(temp(), name);

async function written(name: string): Promise<Aside> {
  const aside = await openAside(at(name));
  await aside.handle.writeFile('ours');
  await aside.handle.close();
  return aside;
}

describe('a file made aside', () => {
  test('has a hidden name that tells what it is, and is its owner’s alone', async () => {
    await written('file');
    const [name = ''] = await readdir(temp());
    expect(name).toMatch(/^\.file\.[0-9a-f]{12}\.stillframe-unfinished$/);
    expect(name.endsWith(UNFINISHED_SUFFIX)).toBe(true);
    expect((await stat(at(name))).mode & 0o777).toBe(0o600);
  });

  test('gets its name when it is published', async () => {
    const aside = await written('file');
    await aside.publish();
    await aside.discard();
    expect(await readdir(temp())).toEqual(['file']);
    expect(await readFile(at('file'), 'utf8')).toBe('ours');
  });

  test('is gone when it is discarded', async () => {
    await (await written('file')).discard();
    expect(await readdir(temp())).toEqual([]);
  });

  test.each(['file', 'folder', 'broken link'])('never replaces a %s that came meanwhile', async (kind) => {
    const aside = await written('name');
    if (kind === 'file') await writeFile(at('name'), 'theirs');
    else if (kind === 'folder') await mkdir(at('name'));
    else await symlink('nowhere', at('name'));
    await expect(refuseTaken(at('name'))).rejects.toMatchObject({ failure: { code: 'file.exists' } });
    await expect(aside.publish()).rejects.toMatchObject({ failure: { code: 'file.exists' } });
    await aside.discard();
    expect(await readdir(temp())).toEqual(['name']);
    if (kind === 'file') expect(await readFile(at('name'), 'utf8')).toBe('theirs');
  });

  test('does not stand in the way of another one of the same name', async () => {
    await written('file');
    const second = await written('file');
    await second.publish();
    expect((await readdir(temp())).filter((name) => name.endsWith(UNFINISHED_SUFFIX))).toHaveLength(1);
  });

  test('may have a name of 255 bytes', async () => {
    const name = 'ä'.repeat(127);
    await (await written(name)).publish();
    expect(await readdir(temp())).toEqual([name]);
  });

  test('is refused where there is no folder', async () => {
    await expect(openAside(at('none/file'))).rejects.toMatchObject({ failure: { code: 'file.not-found' } });
  });
});
