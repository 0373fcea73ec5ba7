import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkImports } from './import-check.mjs';

/** @type {string} */
let root;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sf-imports-'));
  for (const folder of ['src-shared', 'src-main', 'src-worker', 'src-renderer']) await mkdir(join(root, folder));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/**
 * Writes a house of these files and returns what the check finds wrong with it.
 * @param {Record<string, string>} files
 */
async function verdictOn(files) {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  return checkImports(root).wrong;
}

describe('the import check', () => {
  it('takes a house whose imports point down', async () => {
    expect(
      await verdictOn({
        'src-shared/bytes/units.ts': 'export const one = 1;',
        'src-shared/contracts/endpoint.ts': "import { wrap } from 'comlink';\nexport { wrap };",
        'src-main/index.ts': "import { app } from 'electron';\nimport './shell/window';\nexport { app };",
        'src-main/shell/window.ts': "import { BrowserWindow } from 'electron';\nexport { BrowserWindow };",
        'src-main/files/registry.ts': "import { one } from '@shared/bytes/units';\nimport 'node:fs/promises';",
        'src-worker/io/read.ts': "import koffi from 'koffi';\nimport '@shared/bytes/units';",
        'src-renderer/app/App.svelte': '<script lang="ts">\n  import { one } from \'@shared/bytes/units\';\n</script>',
      }),
    ).toEqual([]);
  });

  it.each([
    ['main imports the worker', 'src-main/a.ts', "import '../src-worker/b';", 'src-main may not import src-worker'],
    ['main imports the renderer', 'src-main/a.ts', "import '../src-renderer/b';", 'may not import src-renderer'],
    ['the worker imports main', 'src-worker/a.ts', "export * from '../src-main/b';", 'may not import src-main'],
    ['the renderer imports main', 'src-renderer/a.ts', "import '../src-main/b';", 'may not import src-main'],
    [
      'shared imports main by a type',
      'src-shared/a.ts',
      "type A = import('../src-main/b').A;",
      'may not import src-main',
    ],
    ['shared imports node:', 'src-shared/x/a.ts', "import fs from 'node:fs';", 'src-shared imports nothing outside'],
    ['shared imports a package', 'src-shared/x/a.ts', "import 'valibot';", 'src-shared imports nothing outside'],
    ['comlink elsewhere in shared', 'src-shared/x/a.ts', "import 'comlink';", 'src-shared imports nothing outside'],
    ['electron in a service', 'src-main/qemu/a.ts', "import { app } from 'electron';", 'electron is imported in'],
    ['electron as a type only', 'src-worker/a.ts', "import type { App } from 'electron';", 'electron is imported in'],
    ['electron loaded late', 'src-main/cli/a.ts', "await import('electron');", 'electron is imported in'],
    ['electron by require', 'src-main/cli/a.ts', "const e = require('electron');", 'electron is imported in'],
    ['node: in the renderer', 'src-renderer/a.ts', "import 'node:fs';", 'the renderer has no Node'],
  ])('finds: %s', async (_what, file, text, verdict) => {
    const wrong = await verdictOn({ [file]: `\n${text}` });
    expect(wrong).toHaveLength(1);
    expect(wrong[0]).toContain(`${file}:2: `);
    expect(wrong[0]).toContain(verdict);
  });

  it('finds an import inside a Svelte component, with its line', async () => {
    const wrong = await verdictOn({
      'src-renderer/app/App.svelte': '<h1>x</h1>\n<script lang="ts">\n  import \'../../src-main/b\';\n</script>',
    });
    expect(wrong).toEqual([expect.stringContaining('src-renderer/app/App.svelte:3: ')]);
  });

  it('finds two files that load each other, and lets two types name each other', async () => {
    const wrong = await verdictOn({
      'src-main/qemu/a.ts': "import './b';",
      'src-main/qemu/b.ts': "import './a';",
      'src-shared/contracts/c.ts': "import type { D } from './d';",
      'src-shared/contracts/d.ts': "import type { C } from './c';",
    });
    expect(wrong).toEqual(['files import each other: src-main/qemu/a.ts → src-main/qemu/b.ts → src-main/qemu/a.ts']);
  });

  it('finds rooms that lean on each other through different files', async () => {
    const wrong = await verdictOn({
      'src-main/qemu/a.ts': "import '../files/one';",
      'src-main/files/one.ts': '',
      'src-main/files/two.ts': "import '../qemu/b';",
      'src-main/qemu/b.ts': '',
    });
    expect(wrong).toEqual(['rooms import each other: src-main/files → src-main/qemu → src-main/files']);
  });

  it('lets a test use Node, vitest and the test support, and no other runtime', async () => {
    const wrong = await verdictOn({
      'src-shared/bytes/a.test.ts':
        "import 'node:fs';\nimport 'vitest';\nimport '../../test/support/temp';\nimport '../../src-main/b';",
    });
    expect(wrong).toEqual([expect.stringContaining('src-shared may not import src-main')]);
  });
});
