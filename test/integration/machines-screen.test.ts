import type { Machine } from '@shared/contracts/machines';
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { MachineService } from '../../src-main/services';
import { machinesPerTest } from '../support/machine-places';
import { tempDirPerTest } from '../support/temp';
import { lookUntil } from '../support/look-until';

const folder = tempDirPerTest();
const { open } = machinesPerTest(folder);
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** The last chunk of a PNG: without it the picture is cut off. */
const PNG_END = Buffer.from('0000000049454e44ae426082', 'hex');

async function demo(machines: MachineService): Promise<Machine> {
  const { id } = await machines.add({ kind: 'demo', memoryMiB: 64, dirtyMiB: 1 });
  return machines.start(id);
}

async function expectWholePng(path: string | null): Promise<void> {
  const picture = await readFile(path ?? '');
  expect(picture.subarray(0, 8)).toEqual(PNG);
  expect(picture.subarray(-12)).toEqual(PNG_END);
}

describe('The picture of a running VM', () => {
  test('is renewed about once a second while somebody listens, whole every time, and stands when the guest stands', async () => {
    const machines = await open();
    const { id } = await demo(machines);
    const sequences: number[] = [];
    let last: readonly Machine[] = [];
    const stop = machines.onChange((list) => {
      last = list;
      const sequence = list[0]?.frame?.sequence;
      if (sequence !== undefined && sequence !== sequences.at(-1)) sequences.push(sequence);
    });
    const paths = new Set<string | null>();
    await lookUntil(
      async () => {
        const path = machines.framePath(id);
        if (path !== null) {
          paths.add(path);
          await expectWholePng(path);
        }
        return sequences.length;
      },
      (count) => count >= 3,
    );
    expect(sequences.slice(0, 3)).toEqual([1, 2, 3]);
    expect(paths.size).toBe(2);
    expect(last[0]?.frame?.url).toBe(`app://stillframe/frame/${id}?n=${sequences.at(-1)}`);
    await machines.pause(id);
    await sleep(1_600);
    const standing = sequences.length;
    await sleep(1_600);
    expect(sequences).toHaveLength(standing);
    await machines.resume(id);
    await lookUntil(
      () => sequences.length,
      (count) => count > standing,
    );
    machines.setWatching(false);
    await sleep(1_200);
    const hidden = machines.framePath(id);
    const age = (await stat(hidden ?? '')).mtimeMs;
    await sleep(1_600);
    expect((await stat(hidden ?? '')).mtimeMs).toBe(age);
    stop();
  });

  test('is not taken while nobody listens', async () => {
    const machines = await open();
    const { id } = await demo(machines);
    await sleep(1_500);
    expect(machines.framePath(id)).toBeNull();
    expect((await machines.get(id)).frame).toBeNull();
  });

  test('stays as the last one when the VM is off, also for the next Stillframe, and goes when the machine is forgotten', async () => {
    const machines = await open();
    const { id } = await demo(machines);
    const stop = machines.onChange(() => undefined);
    await lookUntil(
      () => machines.framePath(id),
      (path) => path !== null,
    );
    stop();
    await machines.powerOff(id);
    const kept = machines.framePath(id);
    await expectWholePng(kept);
    await machines.dispose();
    const next = await open();
    expect((await next.get(id)).frame).toMatchObject({ sequence: 1 });
    expect(next.framePath(id)).toBe(kept);
    await next.forget(id);
    await expect(stat(kept ?? '')).rejects.toThrow('ENOENT');
  });
});

describe('A screenshot', () => {
  test('for which there is no room is refused, leaves nothing, and the VM goes on', async () => {
    const machines = await open();
    const { id, pid } = await demo(machines);
    const full = join(folder(), 'full');
    await mkdir(full);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'stillframe-test', full]);
    try {
      await writeFile(join(full, 'filler'), Buffer.alloc(64 * 1024));
      await expect(machines.screenshot(id, join(full, 'screen.png'))).rejects.toMatchObject({
        failure: { code: 'qemu.refused', what: expect.stringContaining('No space left') as string },
      });
      expect(await readdir(full)).toEqual(['filler']);
      expect(await machines.get(id)).toMatchObject({ state: 'running', pid });
    } finally {
      execFileSync('umount', [full]);
    }
  });

  test('of a VM with a display is a PNG at the place asked for', async () => {
    const machines = await open();
    const { id } = await demo(machines);
    const path = join(folder(), 'screen.png');
    expect(await machines.screenshot(id, path)).toBe(true);
    await expectWholePng(path);
  });

  test('of a VM without one is told apart and writes nothing', async () => {
    const machines = await open();
    const commandLine = 'qemu-system-x86_64 -accel tcg -S -m 32 -nodefaults -vga none';
    const { id } = await machines.add({ kind: 'command-line', name: 'blind', commandLine, cwd: folder() });
    expect((await machines.start(id)).facts?.hasDisplay).toBe(false);
    const path = join(folder(), 'screen.png');
    expect(await machines.screenshot(id, path)).toBe(false);
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });
});
