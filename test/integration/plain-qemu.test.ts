import { demoLayout, demoRecipe } from '../../src-main/machines/demo';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { cliPerTest } from '../support/cli';
import { readGuestMemory, withMonitor, writeGuestMemory } from '../support/guest-memory';
import { PlainQemu, type MigrateOptions } from '../support/plain-qemu';
import { until } from '../support/until';

const resources = resolve(import.meta.dirname, '../../resources');
const desk = cliPerTest();
const started: PlainQemu[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((vm) => vm.stop()));
});

interface PlainSave {
  readonly file: string;
  readonly argv: readonly string[];
  readonly nonce: Buffer;
  readonly counter: Buffer;
}

/** A demo VM that plain QEMU runs, with a nonce in its RAM, saved by plain QEMU to `uriTail` after the file's name. */
async function savePlainly(options: MigrateOptions, uriTail = ''): Promise<PlainSave> {
  const { folder } = desk();
  const tools = join(folder, 'plain.sock');
  const { argv } = demoRecipe({ resources, memoryMiB: 64 });
  const vm = await PlainQemu.start({ argv: [...argv, '-qmp', `unix:${tools},server=on,wait=off`], folder });
  started.push(vm);
  await until('it counts', async () => (await vm.readMemory(demoLayout.counter, 8)).readBigUInt64LE() > 0n);
  const nonce = randomBytes(demoLayout.nonceLength);
  await writeGuestMemory(tools, demoLayout.nonce, nonce);
  const file = join(folder, 'plain.mapped');
  await vm.save(`file:${file}${uriTail}`, options);
  const counter = await vm.readMemory(demoLayout.counter, 8);
  await vm.stop();
  return { file, argv, nonce, counter };
}

/** Restores the bare file with the recipe of its VM, and compares what is in its RAM before and after it runs. */
async function expectRestored({ file, argv, nonce, counter }: PlainSave): Promise<void> {
  const recipe = join(desk().folder, 'vm.json');
  await writeFile(recipe, JSON.stringify({ name: 'plain', argv }));
  const result = await desk().run('restore', file, '--recipe', recipe, '--paused', '--json');
  expect(result.code, result.stderr).toBe(0);
  const { qmp, state } = result.json() as { qmp: string; state: string };
  expect(state).toBe('paused');
  expect((await readGuestMemory(qmp, demoLayout.nonce, 64)).equals(nonce)).toBe(true);
  expect((await readGuestMemory(qmp, demoLayout.counter, 8)).equals(counter)).toBe(true);
  await withMonitor(qmp, (monitor) => monitor.qmp('cont'));
  await until('it goes on', async () => {
    const now = (await readGuestMemory(qmp, demoLayout.counter, 8)).readBigUInt64LE();
    return now > counter.readBigUInt64LE();
  });
}

describe('a file that plain QEMU saved opens and restores in ours', () => {
  test.each<[string, MigrateOptions, string]>([
    ['mapped-ram', { mappedRam: true }, ''],
    ['mapped-ram with 2 channels', { mappedRam: true, channels: 2 }, ''],
    ['mapped-ram with 4 channels and direct I/O', { mappedRam: true, channels: 4, directIo: true }, ''],
    ['mapped-ram behind 2 MiB of something else', { mappedRam: true }, ',offset=2M'],
    ['a legacy stream', {}, ''],
  ])('%s', async (_, options, uriTail) => {
    const saved = await savePlainly(options, uriTail);
    const inspected = await desk().run('inspect', `${saved.file}${uriTail}`, '--json');
    expect(inspected.code, inspected.stderr).toBe(0);
    expect(inspected.json()).toMatchObject({
      complete: true,
      container: { kind: 'qemu', streamOffset: uriTail === '' ? 0 : 2 * 2 ** 20 },
      capabilities: options.mappedRam === true ? ['mapped-ram'] : [],
    });
    await expectRestored(saved);
  });
});

test('a bare file without a recipe is refused, and the sentence says what to add', async () => {
  const { file } = await savePlainly({ mappedRam: true });
  const result = await desk().run('restore', file);
  expect(result.code).toBe(2);
  expect(result.stderr).toContain('--recipe');
});
