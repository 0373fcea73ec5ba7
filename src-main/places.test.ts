import { chmod, mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDirPerTest } from '../test/support/temp';
import { dataFolder, findPlaces } from './places';

const temp = tempDirPerTest('sf-p');
const resources = '/resources';

describe('the data folder', () => {
  it.each([
    ['STILLFRAME_DATA wins', { STILLFRAME_DATA: '/a/b', XDG_DATA_HOME: '/c' }, '/a/b'],
    ['XDG_DATA_HOME comes next', { XDG_DATA_HOME: '/c' }, '/c/stillframe'],
    ['a relative XDG_DATA_HOME is ignored', { XDG_DATA_HOME: 'c' }, join(homedir(), '.local/share/stillframe')],
    ['an empty STILLFRAME_DATA is none', { STILLFRAME_DATA: '' }, join(homedir(), '.local/share/stillframe')],
    ['without any it is below the home', {}, join(homedir(), '.local/share/stillframe')],
  ])('%s', (_name, env, expected) => {
    expect(dataFolder(env)).toBe(expected);
  });
});

describe('the places', () => {
  it('are made, private to their user', async () => {
    const runtime = join(temp(), 'run');
    await mkdir(runtime, { mode: 0o700 });
    const env = { XDG_DATA_HOME: join(temp(), 'data'), XDG_RUNTIME_DIR: runtime };
    const places = await findPlaces({ resources, env });
    expect(places).toEqual({
      data: join(temp(), 'data/stillframe'),
      library: join(temp(), 'data/stillframe/library'),
      run: join(runtime, 'stillframe'),
      resources,
    });
    for (const folder of [places.data, places.library, places.run]) {
      expect((await stat(folder)).mode & 0o777).toBe(0o700);
    }
  });

  it('follow --library before STILLFRAME_LIBRARY, and STILLFRAME_RESOURCES', async () => {
    const base = { STILLFRAME_DATA: join(temp(), 'd'), STILLFRAME_RUN: join(temp(), 'r') };
    const env = { ...base, STILLFRAME_LIBRARY: join(temp(), 'l1'), STILLFRAME_RESOURCES: '/else' };
    expect((await findPlaces({ resources, env })).library).toBe(join(temp(), 'l1'));
    const asked = await findPlaces({ resources, env, library: join(temp(), 'l2') });
    expect([asked.library, asked.resources]).toEqual([join(temp(), 'l2'), '/else']);
  });

  it('take /tmp for sockets when the runtime folder is missing', async () => {
    const env = { STILLFRAME_DATA: join(temp(), 'd'), XDG_RUNTIME_DIR: join(temp(), 'missing') };
    expect((await findPlaces({ resources, env })).run).toBe(`/tmp/stillframe-${process.getuid?.()}`);
  });

  const refused: Record<string, (path: string) => Promise<void>> = {
    'that others may enter': async (path) => {
      await mkdir(path);
      await chmod(path, 0o755);
    },
    'that is a file': (path) => writeFile(path, ''),
    'that is a link, also to a private folder': async (path) => {
      await mkdir(`${path}-there`, { mode: 0o700 });
      await symlink(`${path}-there`, path);
    },
    'whose path is too long for a socket': () => Promise.resolve(),
  };
  it.each(Object.entries(refused))('refuse a run folder %s', async (name, prepare) => {
    const run = join(temp(), name.includes('long') ? 'x'.repeat(60) : 'run');
    await prepare(run);
    const env = { STILLFRAME_DATA: join(temp(), 'd'), STILLFRAME_RUN: run };
    await expect(findPlaces({ resources, env })).rejects.toMatchObject({ failure: { where: { path: run } } });
  });

  it('say where it failed when a folder cannot be made', async () => {
    await writeFile(join(temp(), 'file'), '');
    const env = { STILLFRAME_DATA: join(temp(), 'file/data') };
    await expect(findPlaces({ resources, env })).rejects.toMatchObject({
      failure: { code: 'file.no-access', where: { path: join(temp(), 'file/data') } },
    });
  });
});
