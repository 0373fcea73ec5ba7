import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  buildWorker,
  openTestServices,
  saveAndWait,
  saveOptions,
  startMachine,
  type Built,
  type TestServices,
} from '../support/services';
import { makeTempDir, removeTempDir } from '../support/temp';

let worker: Built;
let folder: string;
let library: string;
let services: TestServices;

/** ramfs refuses O_DIRECT and calls everything data. Mounting needs root, and a run without it fails. */
beforeAll(async () => {
  worker = await buildWorker();
  folder = await makeTempDir();
  library = join(folder, 'ramfs');
  await mkdir(library);
  execFileSync('mount', ['-t', 'ramfs', 'stillframe-test', library]);
  services = await openTestServices({ folder, worker, library });
});
afterAll(async () => {
  await services.end();
  execFileSync('umount', [library]);
  await removeTempDir(folder);
  await worker.remove();
});

test('a file system without direct I/O is saved to buffered, which is said, and restored from', async () => {
  const machine = await startMachine(services, { kind: 'demo', memoryMiB: 64, dirtyMiB: 8 });
  const { outcome, progress } = await saveAndWait(services, saveOptions(machine.id, { directIo: true, after: 'quit' }));
  expect(outcome).toMatchObject({ kind: 'saved', result: { directIo: false, durable: true } });
  expect(progress.notices).toEqual([
    'This file system refuses direct I/O. Saving buffered; expect more page cache in use.',
    'This file system cannot tell holes from data, so a lost write would not have been noticed.',
  ]);
  const [entry] = (await services.library.overview()).entries;
  expect(entry?.manifest?.directIo).toBe(false);
  const restored = await services.restores.restore(entry?.id ?? ('' as never), {
    engine: 'auto',
    then: null,
    accepted: [],
  });
  expect(restored.machine.state).toBe('running');
});
