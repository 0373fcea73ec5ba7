/** What the check before a restore says of the ways to load a file with the QEMU that is there. */
import type { LoadOutlook } from '@shared/contracts/library';
import type { Recipe } from '@shared/contracts/machines';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { oldQemu } from '../support/old-qemu';
import { saveWithPlainQemu } from '../support/plain-qemu';
import { buildWorker, openTestServices, type BuiltWorker, type TestServices } from '../support/services';
import { makeTempDir, removeTempDir } from '../support/temp';

let worker: BuiltWorker;
let folder: string;
let services: TestServices;

beforeAll(async () => {
  worker = await buildWorker();
});
afterAll(() => worker.remove());
beforeEach(async () => {
  folder = await makeTempDir();
  services = await openTestServices({ folder, worker });
});
afterEach(async () => {
  await services.end();
  await removeTempDir(folder);
});

const ARGV = ['-M', 'pc-q35-7.2', '-m', '64'];
const recipeFor = (program: string, argv: readonly string[] = ARGV): Recipe => ({
  name: 'vm',
  program,
  argv: ['-accel', 'tcg', '-nodefaults', ...argv],
  env: {},
  cwd: folder,
});

/** Saves a stopped VM of QEMU 7.2's machine type with the installed QEMU, and asks how a program could load that. */
async function outlookOf(
  program: string,
  mappedRam: boolean,
  argv?: readonly string[],
): Promise<LoadOutlook | undefined> {
  const file = join(folder, 'vm.save');
  await saveWithPlainQemu({
    argv: ARGV,
    folder,
    uri: `file:${file}`,
    migrate: { mappedRam, channels: mappedRam ? 2 : 0 },
  });
  const entry = await services.library.importFile(file);
  const { findings, load } = await services.restores.preflightEntry(entry, recipeFor(program, argv));
  expect(findings.filter(({ level }) => level === 'stop')).toEqual([]);
  const told = findings.find(({ key }) => key === 'load-engine')?.text;
  expect(told).toBe(load?.auto?.engine === 'native' ? undefined : load?.auto?.why);
  return load;
}

const possible = (load: LoadOutlook | undefined) =>
  load?.engines.flatMap(({ engine, blocked }) => (blocked === null ? [engine] : []));

describe('A mapped-ram file', () => {
  test('is read by the installed QEMU itself, and could be brought in otherwise', async () => {
    const load = await outlookOf('qemu-system-x86_64', true);
    expect(load?.auto?.engine).toBe('native');
    expect(possible(load)).toEqual(['native', 'channels', 'emit']);
  });

  test('comes into QEMU 7.2 by channels', async () => {
    const load = await outlookOf((await oldQemu()).program, true);
    expect(load?.auto?.engine).toBe('channels');
    expect(possible(load)).toEqual(['channels', 'emit']);
  });

  test('comes into QEMU 7.2 as a stream where the memory is the recipe’s own affair', async () => {
    const argv = [...ARGV, '-object', 'memory-backend-ram,id=pc.ram,size=64M', '-machine', 'memory-backend=pc.ram'];
    const load = await outlookOf((await oldQemu()).program, true, argv);
    expect(load?.auto?.engine).toBe('emit');
    expect(possible(load)).toEqual(['emit']);
  });
});

test('An ordinary stream is read by QEMU itself, also by QEMU 7.2', async () => {
  const load = await outlookOf((await oldQemu()).program, false);
  expect(load?.auto?.engine).toBe('native');
  expect(possible(load)).toEqual(['native']);
});

test('An engine that cannot is refused with its reason, before anything is started', async () => {
  const file = join(folder, 'vm.save');
  await saveWithPlainQemu({ argv: ARGV, folder, uri: `file:${file}`, migrate: { mappedRam: true, channels: 2 } });
  const entry = await services.library.importFile(file);
  const { program } = await oldQemu();
  await expect(
    services.restores.restoreEntry(entry, { engine: 'native', then: 'pause', accepted: [] }, recipeFor(program)),
  ).rejects.toMatchObject({
    failure: {
      code: 'restore.preflight',
      what: expect.stringMatching(/^QEMU 7\.2\.\d+ cannot read mapped-ram files/) as string,
      todo: 'Restore it with the engine channels.',
    },
  });
  expect(await services.machines.list()).toEqual([]);
});
