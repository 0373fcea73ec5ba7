import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StillframeError, type Failure } from '@shared/contracts/failure';
import { MANIFEST_FILE, parseManifest, readManifest } from './manifest';

const whole = {
  formatVersion: 1,
  name: 'a',
  note: '',
  machineName: 'demo',
  recipe: { name: 'demo', program: 'qemu-system-x86_64', argv: ['-m', '64'], env: {}, cwd: '/' },
  qemuVersion: '10.0.2',
  machineType: 'pc-q35-10.0',
  accelerator: 'tcg',
  cpuModel: null,
  cpus: 1,
  memoryBytes: 67108864,
  savedAt: '2026-11-23T14:41:37.218Z',
  wasRunning: true,
  engine: 'native',
  digests: { algorithm: 'xxh3-64', unitBytes: 1024 * 1024, file: 'digests.bin' },
  mode: 'live',
  finishedPaused: null,
  channels: 2,
  directIo: true,
  durable: true,
  bytesWritten: 1,
  pagesWritten: 1,
  timings: { totalMs: 1.5, pausedMs: 0, writingMs: 1, flushingMs: 0, sealingMs: 0 },
  memoryFileBytes: 100,
  blocks: [{ name: 'pc.ram', usedLength: 67108864, pageSize: 4096, pagesTotal: 16384, pagesPresent: 1 }],
  ramMap: [{ block: 'pc.ram', blockOffset: 0, guestPhysical: 0, length: 655360 }],
  disks: [{ node: 'd', path: '/d', format: 'raw', writable: true, size: 1, mtimeMs: 1.25, headerSha256: null }],
};

async function failureOf(work: () => unknown): Promise<Failure | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof StillframeError) return error.failure;
    throw error;
  }
}

/** Every path to a value inside an object, `['disks', 0, 'size']`. */
function pathsOf(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inside = Array.isArray(value) ? value.map((item, index) => [index, item] as const) : Object.entries(value);
  return [...(path.length === 0 ? [] : [path]), ...inside.flatMap(([key, item]) => pathsOf(item, [...path, key]))];
}

function withValue(path: readonly (string | number)[], put: unknown): unknown {
  const copy = structuredClone(whole) as unknown;
  let at = copy as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
  const last = path.at(-1) ?? '';
  if (put === undefined) Reflect.deleteProperty(at, last);
  else at[last] = put;
  return copy;
}

describe('a manifest', () => {
  test('that is whole is read as it was written', () => {
    expect(parseManifest(JSON.stringify(whole), 'x')).toEqual(whole);
  });

  test('loses fields it does not know, so that a later Stillframe may add some', () => {
    expect(parseManifest(JSON.stringify({ ...whole, verified: 1 }), 'x')).toEqual(whole);
  });

  test('that was written before there were digests has none', () => {
    expect(parseManifest(JSON.stringify(withValue(['digests'], undefined)), 'x').digests).toBeNull();
  });

  test('without any one of its fields is refused, and the field is named', async () => {
    // Elements of arrays are left out: a shorter list is a legal list. So is a recipe without one of its variables.
    const fields = pathsOf(whole).filter((path) => typeof path.at(-1) === 'string' && path.join('.') !== 'digests');
    expect(fields.length).toBeGreaterThan(50);
    for (const path of fields) {
      const failure = await failureOf(() => parseManifest(JSON.stringify(withValue(path, undefined)), 'm'));
      expect(failure?.code, path.join('.')).toBe('library.bad-manifest');
      expect(failure?.where.field).toBe(path.join('.'));
    }
  });

  test.each([-1, 1e300, 0.5, '1', null, true, {}, 2 ** 53])(
    'with %j for a number or list is refused',
    async (value) => {
      const numbers = ['memoryBytes', 'channels', 'memoryFileBytes', 'cpus', 'blocks', 'disks'];
      for (const field of numbers) {
        const failure = await failureOf(() => parseManifest(JSON.stringify({ ...whole, [field]: value }), 'm'));
        expect(failure?.code, field).toBe('library.bad-manifest');
      }
    },
  );

  test('of a later format is refused with that reason', async () => {
    const failure = await failureOf(() => parseManifest(JSON.stringify({ ...whole, formatVersion: 2 }), 'm'));
    expect(failure?.what).toContain('Format version 2');
  });

  test.each(['', '{', '[]', 'null', '"a"', '{"formatVersion":1}', '\u0000'])('is not %j', async (json) => {
    expect((await failureOf(() => parseManifest(json, 'm')))?.code).toBe('library.bad-manifest');
  });
});

describe('reading a manifest from a folder', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sf-manifest-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test.each([
    ['none', () => Promise.resolve()],
    ['a folder', (path: string) => mkdir(path)],
    ['a named pipe', (path: string) => Promise.resolve(void execFileSync('mkfifo', [path]))],
    ['5 MiB', (path: string) => writeFile(path, Buffer.alloc(5 * 1024 * 1024, 32))],
    ['an empty file', (path: string) => writeFile(path, '')],
  ])('is refused and does not hang when there is %s', { timeout: 3000 }, async (_, make) => {
    await make(join(folder, MANIFEST_FILE));
    expect((await failureOf(() => readManifest(folder)))?.code).toBe('library.bad-manifest');
  });
});
