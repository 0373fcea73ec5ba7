import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTempDir, removeTempDir } from '../../../test/support/temp';
import { fileReferenceText, findFileReference, splitFileReference } from './reference';

let folder: string;
beforeEach(async () => {
  folder = await makeTempDir();
});
afterEach(() => removeTempDir(folder));

describe('FILE,offset=SIZE', () => {
  it.each([
    ['/a', null],
    ['/a,offset=83886080', 80 * 2 ** 20],
    ['/a,offset=80M', 80 * 2 ** 20],
    ['/a,offset=0x1000', 4096],
  ])('%s names the file /a and the offset %s', async (text, streamOffset) => {
    expect(splitFileReference(text)).toEqual({ path: '/a', streamOffset });
    expect(await findFileReference(text)).toEqual({ path: '/a', streamOffset });
  });

  it.each(['', '-1', 'many', '9007199254740992', '16777216T', '1.0000001K'])(
    'is refused as a mistake of the person when SIZE is "%s", not taken for a search',
    async (size) => {
      await expect(findFileReference(`/a,offset=${size}`)).rejects.toMatchObject({ failure: { code: 'usage' } });
    },
  );

  it('is a file of that very name when there is one', async () => {
    const path = join(folder, 'disk,offset=4K');
    await writeFile(path, '');
    expect(await findFileReference(path)).toEqual({ path, streamOffset: null });
  });

  it('is written the way it is read', () => {
    for (const text of ['/a', '/a,b,offset=4096']) expect(fileReferenceText(splitFileReference(text))).toBe(text);
  });
});
