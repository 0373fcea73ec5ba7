import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { parseRamBlocks } from '../../src-main/qemu/ram-map';
import type { PlannedBlock } from '../../src-shared/contracts/transfer';
import { planBlocks } from '../../src-shared/mapped-ram/plan';
import { outlineStream } from '../../src-worker/transfer/outline';
import { createTransferApi } from '../../src-worker/transfer/service';
import { readMappedFile } from '../support/mapped-file';
import { PlainQemu, restoreWithPlainQemu, type MigrateOptions } from '../support/plain-qemu';
import { expectHoldsBlocksOf, expectSameMemory, keepMemory, memoryOf } from '../support/same-memory';
import { sharedMemoryFiles, type SharedMemoryFiles } from '../support/shared-memory';
import { tempDirPerTest } from '../support/temp';
import { joinAll, leaseOf, leaseOfNew, runTransfer } from '../support/transfers';

const PAGE = 4096;
const folder = tempDirPerTest();
const at = (name: string): string => join(folder(), name);
const api = createTransferApi();
const vms: PlainQemu[] = [];
const memories: SharedMemoryFiles[] = [];

afterEach(async () => {
  await Promise.all(vms.splice(0).map((vm) => vm.stop()));
  await Promise.all(memories.splice(0).map((memory) => memory.remove()));
});

/** The same VM with its memory where nobody else sees it. */
const privately = (argv: readonly string[]): readonly string[] =>
  argv.map((word) => word.replace('memory-backend-file', 'memory-backend-ram').replace(/,mem-path=[^,]*,share=on/, ''));

/** Something in every node, where the BIOS does not put zeros, and a screen that is drawn on. */
function argvOf(memory: SharedMemoryFiles, nodesMiB: readonly number[], more: readonly string[]): readonly string[] {
  const ends = nodesMiB.map(
    (_, node) => nodesMiB.slice(0, node + 1).reduce((sum, size) => sum + size, 0) * 2 ** 20 - 8,
  );
  const loaders = ends.flatMap((end, node) => [
    '-device',
    `loader,addr=${end - 0x800000},data=${node + 77},data-len=8`,
  ]);
  const size = nodesMiB.reduce((sum, mib) => sum + mib, 0);
  return [...more, '-m', `${size}M`, '-vga', 'std', ...memory.argv, ...loaders];
}

/** Copies what is not zero of shared memory to where the plan has it, as channels do. */
async function copyMemory(memory: SharedMemoryFiles, plan: readonly PlannedBlock[], target: string) {
  const copied: Record<string, Uint8Array> = {};
  const handle = await open(target, 'r+');
  const zero = Buffer.alloc(PAGE);
  for (const [index, path] of memory.files.entries()) {
    const block = plan[index];
    if (block === undefined) throw new Error('a node that was not planned');
    const bytes = await readFile(path);
    const bitmap = new Uint8Array(Math.ceil(bytes.length / PAGE / 8));
    for (let page = 0; page < bytes.length / PAGE; page++) {
      const content = bytes.subarray(page * PAGE, (page + 1) * PAGE);
      if (content.equals(zero)) continue;
      bitmap[page >> 3] = (bitmap[page >> 3] ?? 0) | (1 << (page & 7));
      await handle.write(content, 0, PAGE, block.pagesOffset + page * PAGE);
    }
    copied[block.name] = bitmap;
  }
  await handle.close();
  return copied;
}

const LOADS: readonly MigrateOptions[] = [
  { mappedRam: true },
  { mappedRam: true, channels: 2 },
  { mappedRam: true, channels: 2, directIo: true },
];

const VMS: readonly (readonly [string, readonly number[], readonly string[]])[] = [
  ['a q35 with VGA', [64], ['-M', 'q35']],
  ['a pc with VGA', [64], ['-M', 'pc']],
  ['2 NUMA nodes', [48, 32], ['-M', 'q35']],
];

describe('shared memory that was copied by hand, joined with the device state that x-ignore-shared leaves', () => {
  test.each(VMS)(
    'of %s is loaded by QEMU in every way, and its state can be split off again',
    async (_, nodes, more) => {
      const memory = sharedMemoryFiles(nodes);
      memories.push(memory);
      const argv = argvOf(memory, nodes, more);
      const source = await PlainQemu.start({ argv, folder: folder() });
      vms.push(source);
      await new Promise((resolve) => setTimeout(resolve, 1200));
      await source.qmp('stop');
      // Planned from what the monitor tells, before there is a stream.
      const text = await source.qmp<string>('human-monitor-command', { 'command-line': 'info ramblock' });
      const blocks = parseRamBlocks(text).map(({ name, usedLength }) => ({
        name,
        usedLength: Number(usedLength),
        pageSize: PAGE,
      }));
      const plan = planBlocks(blocks);
      await source.save(`file:${at('state')}`, { capabilities: { 'x-ignore-shared': true } });
      const expected = await keepMemory(source, folder());
      const state = await leaseOf(at('state'));
      const outline = await outlineStream(state);
      expect(outline.map(({ name, usedLength }) => ({ name, usedLength, pageSize: PAGE }))).toEqual(blocks);
      expect(outline.map(({ inStream }) => inStream)).toEqual(blocks.map((_one, index) => index >= nodes.length));
      const target = await leaseOfNew(at('joined'));
      const copied = await copyMemory(memory, plan, at('joined'));
      await source.stop();
      const joined = await joinAll(api, { state, target, plan, copied });
      const file = readMappedFile(at('joined'));
      expect(joined.fileBytes).toBe(file.size);
      expect(joined.presentPages).toBe(file.blocks.reduce((sum, { present }) => sum + present.size, 0));
      for (const migrate of LOADS) {
        const vm = await restoreWithPlainQemu({
          argv: [...privately(argv), '-S'],
          folder: folder(),
          uri: `file:${at('joined')}`,
          migrate,
        });
        vms.push(vm);
        await expectSameMemory(expected, await memoryOf(vm, folder()));
        await expectHoldsBlocksOf(at('joined'), vm, folder());
        await vm.qmp('cont');
        expect(await vm.status()).toBe('running');
        await vm.stop();
      }
      await expectSplit(
        argv,
        memory,
        outline.slice(0, nodes.length).map(({ name }) => name),
      );

      /** The state alone, beside memory that was filled from the file. */
      async function expectSplit(
        vmArgv: readonly string[],
        shared: SharedMemoryFiles,
        external: readonly string[],
      ): Promise<void> {
        const length = await api.split(target, await leaseOfNew(at('split')), external);
        expect((await readFile(at('split'))).length).toBe(length);
        for (const [index, path] of shared.files.entries()) {
          const handle = await open(path, 'w');
          await handle.writeFile(file.blocks[index]?.memory ?? '');
          await handle.close();
        }
        const vm = await restoreWithPlainQemu({
          argv: [...vmArgv, '-S'],
          folder: folder(),
          uri: `file:${at('split')}`,
        });
        vms.push(vm);
        await expectSameMemory(expected, await memoryOf(vm, folder()));
        await vm.stop();
      }
    },
  );
});

describe('sections of devices that are set up before RAM is sent', () => {
  test('such as what is plugged of a virtio-mem are kept, both ways', async () => {
    const plugged = [
      '-object',
      'memory-backend-ram,id=more,size=64M',
      '-device',
      'virtio-mem-pci,memdev=more,requested-size=8M',
    ];
    const argv = ['-M', 'q35', '-m', '32M,maxmem=1G', ...plugged];
    const source = await PlainQemu.start({ argv: [...argv, '-S'], folder: folder() });
    vms.push(source);
    await source.save(`file:${at('stream')}`);
    const memory = await keepMemory(source, folder());
    await source.stop();
    const [mapped, again] = [await leaseOfNew(at('mapped')), await leaseOfNew(at('again'))];
    await runTransfer(api, { kind: 'ingest', source: await leaseOf(at('stream')), target: mapped });
    await runTransfer(api, { kind: 'emit', source: mapped, target: again });
    const early = (await readFile(at('stream'))).indexOf('virtio-mem-device-early');
    const ram = (await readFile(at('stream'))).indexOf('\x03ram\0\0\0\0', 0, 'latin1');
    // It stands between RAM's first section and the next.
    expect(ram).toBeGreaterThan(0);
    expect(early).toBeGreaterThan(ram);
    for (const [name, mappedRam] of [
      ['mapped', true],
      ['again', false],
    ] as const) {
      const uri = `file:${at(name)}`;
      const vm = await restoreWithPlainQemu({ argv: [...argv, '-S'], folder: folder(), uri, migrate: { mappedRam } });
      vms.push(vm);
      await expectSameMemory(memory, await memoryOf(vm, folder()));
      await vm.stop();
    }
  });
});

describe('sections of their own between those of RAM', () => {
  test('such as dirty bitmaps are kept, and loaded', async () => {
    const disk = ['-blockdev', 'driver=null-co,node-name=disk,size=67108864'];
    const argv = ['-M', 'q35', '-m', '32', ...disk];
    const source = await PlainQemu.start({ argv: [...argv, '-S'], folder: folder() });
    vms.push(source);
    await source.qmp('block-dirty-bitmap-add', { node: 'disk', name: 'changes' });
    const capabilities = { 'dirty-bitmaps': true };
    await source.save(`file:${at('stream')}`, { capabilities, parameters: { 'max-bandwidth': 2 * 2 ** 20 } });
    const memory = await keepMemory(source, folder());
    await source.stop();
    await runTransfer(api, {
      kind: 'ingest',
      source: await leaseOf(at('stream')),
      target: await leaseOfNew(at('mapped')),
    });
    const vm = await restoreWithPlainQemu({
      argv: [...argv, '-S'],
      folder: folder(),
      uri: `file:${at('mapped')}`,
      migrate: { mappedRam: true, capabilities },
    });
    vms.push(vm);
    await expectSameMemory(memory, await memoryOf(vm, folder()));
    const [node] = await vm.qmp<{ 'dirty-bitmaps'?: { name: string }[] }[]>('query-named-block-nodes');
    expect(node?.['dirty-bitmaps']?.map(({ name }) => name)).toEqual(['changes']);
  });
});
