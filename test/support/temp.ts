import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

/**
 * A new folder for one test, with a path short enough for a unix socket below it (108 bytes). Whoever makes it removes
 * it; `tempDirPerTest` does both.
 */
export async function makeTempDir(name = 'sf'): Promise<string> {
  return mkdtemp(join(tmpdir(), `${name}-`));
}

/** Removes a folder of `makeTempDir` with everything in it. */
export async function removeTempDir(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** Call it in a `describe` or at the top of a file: every test there then has its own folder, removed after it. */
export function tempDirPerTest(name?: string): () => string {
  let path: string | undefined;
  beforeEach(async () => {
    path = await makeTempDir(name);
  });
  afterEach(async () => {
    if (path !== undefined) await removeTempDir(path);
    path = undefined;
  });
  return () => {
    if (path === undefined) throw new Error('tempDirPerTest: asked outside a test');
    return path;
  };
}
