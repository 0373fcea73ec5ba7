/** The judge and the guests that restores are judged with, on what plain QEMU saves and loads itself. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { demoIsFull } from '../support/demo-guest';
import { makeGuests, tightArgv, type Guests } from '../support/guests';
import { PlainQemu, restoreWithPlainQemu, type MigrateOptions } from '../support/plain-qemu';
import { expectHoldsBlocksOf, expectSameBlocks, expectSameMemory, keepMemory, memoryOf } from '../support/same-memory';
import { makeTempDir, removeTempDir } from '../support/temp';

const WAYS: readonly (readonly [string, MigrateOptions])[] = [
  ['a stream', {}],
  ['mapped-ram', { mappedRam: true }],
  ['mapped-ram, 4 channels, direct I/O', { mappedRam: true, channels: 4, directIo: true }],
];

let folder = '';
let guests: Guests;

beforeAll(async () => {
  folder = await makeTempDir();
  guests = await makeGuests(folder);
}, 120_000);

afterAll(async () => {
  await removeTempDir(folder);
});

describe.each(['tight', 'numa', 'linux'] as const)('the %s guest', (kind) => {
  const argv = (vm: string) => guests[kind].argv(vm);
  let source: PlainQemu;

  beforeAll(async () => {
    source = await PlainQemu.start({ argv: argv('source'), folder });
    await guests[kind].up(source, 'source');
    await source.qmp('stop');
  });

  afterAll(() => source.stop());

  test.each(WAYS)('saved by plain QEMU as %s, it comes back the same and runs on', async (_, options) => {
    // QEMU saves a VM once after a stop.
    await source.qmp('cont');
    await source.qmp('stop');
    const file = join(folder, 'saved');
    await source.save(`file:${file}`, options);
    const load = { argv: [...argv('restored'), '-S'], folder, uri: `file:${file}`, migrate: options };
    const restored = await restoreWithPlainQemu(load);
    try {
      const { pagesNotZero } = await expectSameMemory(await memoryOf(source, folder), await memoryOf(restored, folder));
      expect(pagesNotZero).toBeGreaterThan(32 * 256);
      const blocks = await expectHoldsBlocksOf(file, restored, folder);
      expect(blocks.reduce((sum, { notZero }) => sum + notZero, 0)).toBeGreaterThanOrEqual(pagesNotZero);
      await guests[kind].runsOn(restored, 'restored');
    } finally {
      await restored.stop();
    }
  });
});

describe('the judge', () => {
  let vm: PlainQemu;
  const mapped = () => join(folder, 'judged.mapped');

  beforeAll(async () => {
    vm = await PlainQemu.start({ argv: tightArgv(), folder });
    await demoIsFull(vm, folder);
    await vm.qmp('stop');
    await vm.save(`file:${mapped()}`, { mappedRam: true });
  });

  afterAll(() => vm.stop());

  test('sees one byte that is not the same in a file, and says where', async () => {
    const stream = join(folder, 'judged.stream');
    // The same memory in another form has to come from a VM that was restored: a stopped one is saved only once.
    const again = await restoreWithPlainQemu({
      ...{ argv: [...tightArgv(), '-S'], folder },
      ...{ uri: `file:${mapped()}`, migrate: { mappedRam: true } },
    });
    await again.save(`file:${stream}`).finally(() => again.stop());
    expect((await expectSameBlocks(mapped(), stream)).map(({ name }) => name)).toContain('pc.bios');
    const handle = await open(mapped(), 'r+');
    // The pages of pc.ram, the first block, begin at 1 MiB, and the guest's window at 2 MiB of it.
    await handle.write(Buffer.from([0x99]), 0, 1, (1 + 2 + 5) * 2 ** 20 + 3 * 4096 + 77);
    await handle.close();
    await expect(expectSameBlocks(mapped(), stream)).rejects.toThrow(
      /^page 1795 of pc\.ram differs at byte 77: 153 in/,
    );
  });

  test('sees memory that has changed, and says where', async () => {
    const kept = await keepMemory(vm, folder);
    expect(await expectSameMemory(kept, await memoryOf(vm, folder))).toMatchObject({
      bytes: expect.any(Number) as number,
    });
    await vm.qmp('cont');
    await expect(memoryOf(vm, folder)).rejects.toThrow('the VM runs');
    await sleep(100);
    await vm.qmp('stop');
    await expect(expectSameMemory(kept, await memoryOf(vm, folder))).rejects.toThrow(
      /^guest-physical page 0x[0-9a-f]+000 differs from byte \d+ on/,
    );
  });
});
