import type { RamRange } from '@shared/contracts/library';
import { randomBytes } from 'node:crypto';
import { open, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { connectQmp } from '../../src-main/qemu/qmp';
import { readRamMap } from '../../src-main/qemu/ram-map';
import { PlainQemu } from '../support/plain-qemu';
import { tempDirPerTest } from '../support/temp';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const folder = tempDirPerTest();
const vms: PlainQemu[] = [];

afterEach(async () => {
  await Promise.all(vms.splice(0).map((vm) => vm.stop()));
});

interface Backend {
  readonly id: string;
  readonly size: number;
}

/** RAM in a file of the test, so that what stands at a block's offset is known without asking QEMU. */
async function backend({ id, size }: Backend): Promise<readonly string[]> {
  const path = join(folder(), `${id}.ram`);
  await writeFile(path, '');
  await truncate(path, size);
  return ['-object', `memory-backend-file,id=${id},size=${size},mem-path=${path},share=on`];
}

async function boot(argv: readonly string[]): Promise<{ readonly vm: PlainQemu; readonly map: readonly RamRange[] }> {
  const path = join(folder(), 'free.sock');
  const vm = await PlainQemu.start({ argv: [...argv, '-qmp', `unix:${path},server=on,wait=off`], folder: folder() });
  vms.push(vm);
  const qmp = await connectQmp(path);
  try {
    return { vm, map: await readRamMap(qmp) };
  } finally {
    qmp.close();
  }
}

/** Writes a nonce into the block's file at the start, the middle and the end of a range, and reads them as the guest sees them. */
async function proveByFile(vm: PlainQemu, range: RamRange): Promise<void> {
  const file = await open(join(folder(), `${range.block}.ram`), 'r+');
  try {
    for (const at of [0, Math.floor(range.length / 2), range.length - 64]) {
      const nonce = randomBytes(64);
      await file.write(nonce, 0, 64, range.blockOffset + at);
      expect(await vm.readMemory(range.guestPhysical + at, 64)).toEqual(nonce);
    }
  } finally {
    await file.close();
  }
}

const inBlock = (map: readonly RamRange[], block: string) => map.filter((range) => range.block === block);
const layout = (ranges: readonly RamRange[]) =>
  ranges.map(({ guestPhysical, blockOffset, length }) => [guestPhysical, blockOffset, length]);

describe('The RAM map of a stopped VM', () => {
  test.each(['q35', 'pc'])('of type %s with 64 MiB tells where in its block each address lies', async (type) => {
    const argv = [
      ...(await backend({ id: 'pc.ram', size: 64 * MIB })),
      '-S',
      '-vga',
      'std',
      '-m',
      '64',
      '-M',
      `${type},memory-backend=pc.ram`,
    ];
    const { vm, map } = await boot(argv);
    const ram = inBlock(map, 'pc.ram');
    expect(layout(ram)).toEqual([
      [0, 0, 0xa_0000],
      [MIB, MIB, 63 * MIB],
    ]);
    for (const range of ram) await proveByFile(vm, range);
    const bios = inBlock(map, 'pc.bios');
    expect(bios.length).toBeGreaterThan(0);
    // The reset vector: the top of the BIOS block stands below 4 GiB.
    const top = bios.find((range) => range.guestPhysical + range.length === 4 * GIB);
    expect(top?.blockOffset).toBe(0);
  });

  test.each([
    ['q35', 2 * GIB],
    ['pc', 3 * GIB],
  ] as const)('of type %s with 5 GiB is split around the PCI hole, the rest above 4 GiB', async (type, below) => {
    const argv = [
      ...(await backend({ id: 'pc.ram', size: 5 * GIB })),
      '-S',
      '-vga',
      'std',
      '-m',
      '5G',
      '-M',
      `${type},memory-backend=pc.ram`,
    ];
    const { vm, map } = await boot(argv);
    const ram = inBlock(map, 'pc.ram');
    expect(layout(ram)).toEqual([
      [0, 0, 0xa_0000],
      [MIB, MIB, below - MIB],
      [4 * GIB, below, 5 * GIB - below],
    ]);
    for (const range of ram) await proveByFile(vm, range);
  });

  test('with two NUMA nodes names the block of each', async () => {
    const argv = [
      ...(await backend({ id: 'node0', size: 48 * MIB })),
      ...(await backend({ id: 'node1', size: 16 * MIB })),
      ...['-S', '-vga', 'std', '-m', '64', '-M', 'q35', '-smp', '2'],
      ...['-numa', 'node,memdev=node0,cpus=0', '-numa', 'node,memdev=node1,cpus=1'],
    ];
    const { vm, map } = await boot(argv);
    expect(layout(inBlock(map, 'node0'))).toEqual([
      [0, 0, 0xa_0000],
      [MIB, MIB, 47 * MIB],
    ]);
    expect(layout(inBlock(map, 'node1'))).toEqual([[48 * MIB, 0, 16 * MIB]]);
    for (const range of [...inBlock(map, 'node0'), ...inBlock(map, 'node1')]) await proveByFile(vm, range);
  });

  test('with no machine at all is empty', async () => {
    expect((await boot(['-S', '-M', 'none'])).map).toEqual([]);
  });
});

describe('The RAM map of a running VM', () => {
  test('tells two video cards’ memory apart, whose regions have one name', async () => {
    const { vm, map } = await boot(['-m', '64', '-M', 'q35', '-device', 'VGA', '-device', 'secondary-vga']);
    // The BIOS has placed the BARs once it shows something; until then the cards’ memory has no address.
    const placed = async (): Promise<readonly RamRange[]> => {
      const qmp = await connectQmp(join(folder(), 'free.sock'));
      try {
        return (await readRamMap(qmp)).filter(({ block }) => block.endsWith('/vga.vram'));
      } finally {
        qmp.close();
      }
    };
    expect(map.length).toBeGreaterThan(0);
    await expect.poll(async () => (await placed()).length, { timeout: 20_000, interval: 200 }).toBe(2);
    await vm.qmp('stop');
    const cards = await placed();
    const pci =
      await vm.qmp<{ devices: { slot: number; regions: { bar: number; address: number }[] }[] }[]>('query-pci');
    const barOf = (slot: number) =>
      pci
        .flatMap(({ devices }) => devices)
        .find((device) => device.slot === slot)
        ?.regions.find(({ bar }) => bar === 0)?.address;
    for (const { block, guestPhysical, blockOffset, length } of cards) {
      const slot = Number.parseInt(/:([\da-f]{2})\.\d\/vga\.vram$/.exec(block)?.[1] ?? '', 16);
      expect({ block, guestPhysical, blockOffset, length }).toEqual({
        block,
        guestPhysical: barOf(slot),
        blockOffset: 0,
        length: 16 * MIB,
      });
    }
  });
});
