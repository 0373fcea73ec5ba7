import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ConvertProgress, ConvertResult } from '../../src-main/services';
import type { ConversionFormat } from '../../src-shared/contracts/conversions';
import { StillframeError } from '../../src-shared/contracts/failure';
import { createTransferApi } from '../../src-worker/transfer/service';
import { randomStream } from '../support/random-stream';
import { buildWorker, openTestServices, type BuiltWorker, type TestServices } from '../support/services';
import { makeTempDir, removeTempDir } from '../support/temp';
import { leaseOf, leaseOfNew, runTransfer } from '../support/transfers';

let worker: BuiltWorker;
let folder: string;
let mount: string;
let services: TestServices;
const seed = Number(process.env['STILLFRAME_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** A file system of its own, so that it can be filled. Mounting needs root, and a run without it fails. */
beforeAll(async () => {
  worker = await buildWorker();
  folder = await makeTempDir();
  mount = join(folder, 'small');
  await mkdir(mount);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'stillframe-test', mount]);
  services = await openTestServices({ folder, worker });
  // 24 MiB of pages.
  const { bytes } = randomStream(31, { pageSize: 65536, tellsPageSize: true });
  await writeFile(join(folder, 'stream'), bytes);
  const target = await leaseOfNew(join(folder, 'mapped'));
  const api = createTransferApi();
  await runTransfer(api, { kind: 'ingest', source: await leaseOf(join(folder, 'stream')), target });
  const emitted = await leaseOfNew(join(folder, 'emitted'));
  await runTransfer(api, { kind: 'emit', source: target, target: emitted });
  const image = await leaseOfNew(join(folder, 'image'));
  await runTransfer(api, { kind: 'raw', source: target, target: image, block: null });
});
beforeEach(async () => {
  for (const name of await readdir(mount)) await rm(join(mount, name));
});
afterAll(async () => {
  await services.end();
  execFileSync('umount', [mount]);
  await removeTempDir(folder);
  await worker.remove();
});

/** Form, source, and the file that has what comes out. */
const FORMS: readonly (readonly [ConversionFormat, string, string])[] = [
  ['mapped-ram', 'stream', 'mapped'],
  ['stream', 'mapped', 'emitted'],
  ['raw', 'mapped', 'image'],
];

const out = (): string => join(mount, 'out');

/** Converts into the small file system; `onProgress` may interfere. */
function convert(
  to: ConversionFormat,
  source: string,
  onProgress: (progress: ConvertProgress) => void = () => undefined,
  signal: AbortSignal = new AbortController().signal,
): Promise<ConvertResult> {
  return services.conversions.convert(
    {
      from: { kind: 'file', reference: join(folder, source) },
      to,
      block: null,
      range: null,
      out: { kind: 'file', path: out() },
    },
    { onProgress, signal },
  );
}

const outcomeOf = (running: Promise<ConvertResult>): Promise<string> =>
  running.then(
    () => 'done',
    (error: unknown) => (error instanceof StillframeError ? error.failure.code : String(error)),
  );

async function expectNothingLeft(besides: readonly string[] = []): Promise<void> {
  expect(await readdir(mount)).toEqual(besides);
  expect(services.files.openCount()).toBe(0);
}

describe('a conversion', () => {
  test.each(FORMS)('to %s whose disk is full says so and leaves nothing', async (to, source) => {
    execFileSync('fallocate', ['-l', String(56 * 2 ** 20), join(mount, 'filler')]);
    await expect(convert(to, source)).rejects.toMatchObject({
      failure: { code: 'file.no-space', where: { path: out() } },
    });
    await expectNothingLeft(['filler']);
  });

  test.each(FORMS)('to %s whose worker is killed says so and leaves nothing', async (to, source) => {
    const kill = (): void => {
      const pid = services.startedWorkers.at(-1)?.pid;
      if (typeof pid === 'number') process.kill(pid, 'SIGKILL');
    };
    expect(await outcomeOf(convert(to, source, kill))).toBe('worker.died');
    await expectNothingLeft();
  });

  test(`that is cancelled at any moment leaves nothing, or is done (seed ${String(seed)})`, async () => {
    let state = seed || 1;
    const random = (): number => (state = (state * 48271) % 2147483647) / 2147483647;
    const ends = new Map<string, number>();
    for (let round = 0; round < 18; round++) {
      const [to, source, same] = FORMS[round % FORMS.length] ?? (['raw', 'mapped', 'image'] as const);
      const abort = new AbortController();
      const timer = setTimeout(() => abort.abort(), random() * 600);
      const end = await outcomeOf(convert(to, source, () => undefined, abort.signal));
      clearTimeout(timer);
      ends.set(end, (ends.get(end) ?? 0) + 1);
      if (end === 'done') {
        expect((await readFile(out())).equals(await readFile(join(folder, same)))).toBe(true);
        await rm(out());
      } else expect(end).toBe('convert.cancelled');
      await expectNothingLeft();
    }
    expect(ends.get('convert.cancelled') ?? 0).toBeGreaterThan(0);
  });

  test('that is cancelled before it began does no work', async () => {
    expect(await outcomeOf(convert('raw', 'mapped', () => undefined, AbortSignal.abort()))).toBe('convert.cancelled');
    await expectNothingLeft();
  });

  test('never writes over what came meanwhile', async () => {
    let made = false;
    const make = async (): Promise<void> => writeFile(out(), 'theirs');
    const racing = convert('mapped-ram', 'stream', () => {
      if (made) return;
      made = true;
      void make();
    });
    expect(await outcomeOf(racing)).toBe('file.exists');
    await expectNothingLeft(['out']);
  });
});
