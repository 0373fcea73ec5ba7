import { mkdir, mkdtemp, rm, unlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sourcesFingerprint } from './bundle.mjs';

const FILES = [
  'src-main/index.ts',
  'src-renderer/app/App.svelte',
  'src-shared/bytes/units.ts',
  'src-worker/index.ts',
  'electron.vite.config.ts',
  'svelte.config.js',
  'package.json',
  'package-lock.json',
];

/** @type {string} */
let root;
/** @param {string} name @param {string} text */
async function write(name, text) {
  await mkdir(dirname(join(root, name)), { recursive: true });
  await writeFile(join(root, name), text);
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sf-bundle-'));
  for (const name of FILES) await write(name, name);
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('the fingerprint of the sources', () => {
  it.each([
    ['a source grows', () => write('src-main/index.ts', 'more than before')],
    ['a component is new', () => write('src-renderer/app/New.svelte', 'x')],
    ['a source is gone', () => unlink(join(root, 'src-worker/index.ts'))],
    ['a source of the same size is older', () => utimes(join(root, 'src-shared/bytes/units.ts'), 1, 1)],
    ['the settings of the build change', () => write('electron.vite.config.ts', 'other')],
    ['a package changes', () => write('package-lock.json', 'other')],
  ])('changes when %s', async (_what, change) => {
    const before = sourcesFingerprint(root);
    await change();
    expect(sourcesFingerprint(root)).not.toBe(before);
  });

  it('stays when only a test changes', async () => {
    const before = sourcesFingerprint(root);
    await write('src-main/index.test.ts', 'x');
    expect(sourcesFingerprint(root)).toBe(before);
  });
});
