import { randomBytes } from 'node:crypto';
import { truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { connectQmp } from '../../src-main/qemu/qmp';
import { openRamFile, readRamFiles, type BlockMemory } from '../../src-main/qemu/ram-files';
import { oldQemu } from '../support/old-qemu';
import { PlainQemu } from '../support/plain-qemu';
import { tempDirPerTest } from '../support/temp';

const MIB = 1024 * 1024;
const folder = tempDirPerTest();
const vms: PlainQemu[] = [];

afterEach(async () => {
  await Promise.all(vms.splice(0).map((vm) => vm.stop()));
});

async function look(
  argv: readonly string[],
  program = 'qemu-system-x86_64',
): Promise<{ readonly vm: PlainQemu; readonly blocks: readonly BlockMemory[] }> {
  const path = join(folder(), 'free.sock');
  const vm = await PlainQemu.start({
    program,
    argv: ['-S', '-M', 'q35', ...argv, '-qmp', `unix:${path},server=on,wait=off`],
    folder: folder(),
  });
  vms.push(vm);
  const qmp = await connectQmp(path);
  try {
    return { vm, blocks: await readRamFiles(qmp, qmp.pid) };
  } finally {
    qmp.close();
  }
}

const named = (blocks: readonly BlockMemory[], name: string): BlockMemory => {
  const found = blocks.find((block) => block.name === name);
  if (found === undefined) throw new Error(`there is no block ${name}`);
  return found;
};

/** What is written to the file where the block is said to be is what the guest sees at `address`. */
async function prove(
  vm: PlainQemu,
  { shared, name }: BlockMemory,
  address: number,
  blockOffset: number,
): Promise<void> {
  if (shared === null) throw new Error(`${name} is not shared`);
  const file = await openRamFile(shared, 'r+');
  try {
    const nonce = randomBytes(64);
    await file.write(nonce, 0, 64, shared.offset + blockOffset);
    expect(await vm.readMemory(address, 64)).toEqual(nonce);
  } finally {
    await file.close();
  }
}

async function ramFile(name: string, size: number): Promise<string> {
  const path = join(folder(), name);
  await writeFile(path, '');
  await truncate(path, size);
  return path;
}

describe('The RAM of a running VM', () => {
  test('is private memory unless it was asked to be something else', async () => {
    const { blocks } = await look(['-m', '64']);
    expect(named(blocks, 'pc.ram')).toMatchObject({ usedLength: 64 * MIB, shared: null, kind: 'private' });
    expect(named(blocks, 'pc.bios')).toMatchObject({ shared: null, kind: 'private' });
  });

  test('is found in a file with a space and a line end in its name, also when that name is gone', async () => {
    const path = await ramFile('my ram\n1', 64 * MIB);
    const argv = ['-m', '64', '-object', `memory-backend-file,id=pc.ram,size=64M,mem-path=${path},share=on`];
    const { vm, blocks } = await look([...argv, '-machine', 'memory-backend=pc.ram']);
    await prove(vm, named(blocks, 'pc.ram'), 32 * MIB, 32 * MIB);
    await unlink(path);
    await prove(vm, named(blocks, 'pc.ram'), 33 * MIB, 33 * MIB);
  });

  test('is found for each of two NUMA nodes, one of them in the middle of a file, and is told from a private copy', async () => {
    const first = await ramFile('n0', 48 * MIB);
    const second = await ramFile('n1', 64 * MIB);
    const third = await ramFile('n2', 16 * MIB);
    const { vm, blocks } = await look([
      ...['-m', '96', '-smp', '3'],
      ...['-object', `memory-backend-file,id=n0,size=48M,mem-path=${first},share=on`],
      ...['-object', `memory-backend-file,id=n1,size=32M,mem-path=${second},share=on,offset=32M`],
      ...['-object', `memory-backend-file,id=n2,size=16M,mem-path=${third},share=off`],
      ...['-numa', 'node,memdev=n0,cpus=0', '-numa', 'node,memdev=n1,cpus=1', '-numa', 'node,memdev=n2,cpus=2'],
    ]);
    await prove(vm, named(blocks, 'n0'), 40 * MIB, 40 * MIB);
    expect(named(blocks, 'n1').shared?.offset).toBe(32 * MIB);
    await prove(vm, named(blocks, 'n1'), 49 * MIB, MIB);
    expect(named(blocks, 'n2')).toMatchObject({ shared: null, kind: 'copy' });
  });

  test('is found in a memfd of QEMU’s own, which has no name', async () => {
    const object = 'memory-backend-memfd,id=pc.ram,size=64M,share=on';
    const { vm, blocks } = await look(['-m', '64', '-object', object, '-machine', 'memory-backend=pc.ram']);
    await prove(vm, named(blocks, 'pc.ram'), 2 * MIB, 2 * MIB);
  });

  test('is found in QEMU 7.2 too, which does not tell where it has its blocks', async () => {
    const { program } = await oldQemu();
    const nodes = await Promise.all(['n0', 'n1'].map((name) => ramFile(name, 32 * MIB)));
    const { vm, blocks } = await look(
      [
        ...['-m', '64', '-smp', '2', '-vga', 'std'],
        ...nodes.flatMap((path, n) => ['-object', `memory-backend-file,id=n${n},size=32M,mem-path=${path},share=on`]),
        ...['-numa', 'node,memdev=n0,cpus=0', '-numa', 'node,memdev=n1,cpus=1'],
      ],
      program,
    );
    await prove(vm, named(blocks, 'n0'), 16 * MIB, 16 * MIB);
    await prove(vm, named(blocks, 'n1'), 33 * MIB, MIB);
    expect(named(blocks, 'pc.bios')).toMatchObject({ shared: null, kind: 'private' });
  });

  test('of a process that is not visible is unknown', async () => {
    const path = join(folder(), 'free.sock');
    vms.push(
      await PlainQemu.start({ argv: ['-S', '-m', '64', '-qmp', `unix:${path},server=on,wait=off`], folder: folder() }),
    );
    const qmp = await connectQmp(path);
    try {
      for (const pid of [null, 2 ** 22 + 1])
        expect(named(await readRamFiles(qmp, pid), 'pc.ram')).toMatchObject({ shared: null, kind: 'unknown' });
    } finally {
      qmp.close();
    }
  });

  test('is no longer opened when QEMU has ended', async () => {
    const object = 'memory-backend-memfd,id=pc.ram,size=64M,share=on';
    const { vm, blocks } = await look(['-m', '64', '-object', object, '-machine', 'memory-backend=pc.ram']);
    const { shared } = named(blocks, 'pc.ram');
    if (shared === null) throw new Error('pc.ram is not shared');
    await expect(openRamFile({ ...shared, ino: `${shared.ino}1` }, 'r')).rejects.toMatchObject({
      failure: { code: 'file.changed' },
    });
    await vm.stop();
    await expect(openRamFile(shared, 'r')).rejects.toMatchObject({ failure: { code: 'file.changed' } });
  });
});
