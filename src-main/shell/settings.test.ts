import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Settings } from '@shared/contracts/app';
import { tempDirPerTest } from '../../test/support/temp';
import { openSettings } from './settings';

const temp = tempDirPerTest('sf-s');
const defaults = { theme: 'system', singleKeys: true };

it('are remembered, and told to whoever listens', async () => {
  const file = join(temp(), 'settings.json');
  const settings = await openSettings(file);
  expect(settings.current()).toEqual(defaults);
  const told: Settings[] = [];
  settings.onChange((changed) => told.push(changed));
  await settings.change({ theme: 'dark', singleKeys: false });
  expect(told).toEqual([{ theme: 'dark', singleKeys: false }]);
  expect((await openSettings(file)).current()).toEqual({ theme: 'dark', singleKeys: false });
});

it('end as the last of many quick changes', async () => {
  const file = join(temp(), 'settings.json');
  const settings = await openSettings(file);
  const themes = ['dark', 'light', 'system', 'dark', 'light'] as const;
  await Promise.all(themes.map((theme) => settings.change({ theme, singleKeys: true })));
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ theme: 'light', singleKeys: true });
});

it.each(['', '{', 'null', '{"theme":"pink","singleKeys":true}', '{"theme":"dark","singleKeys":1}', '[]'])(
  'fall back to the defaults when the file holds %j',
  async (text) => {
    const file = join(temp(), 'settings.json');
    await writeFile(file, text);
    expect((await openSettings(file)).current()).toEqual(defaults);
  },
);

it('stay as they were when they cannot be written, and say so', async () => {
  const file = join(temp(), 'settings.json');
  await mkdir(join(file, 'in-the-way'), { recursive: true });
  const settings = await openSettings(file);
  await expect(settings.change({ theme: 'dark', singleKeys: true })).rejects.toMatchObject({
    failure: { code: 'file.io', where: { path: file } },
  });
  expect(settings.current()).toEqual(defaults);
});
