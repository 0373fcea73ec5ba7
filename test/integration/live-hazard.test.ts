import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { whyNotLive } from '../../src-main/qemu/live-hazard';
import { connectQmp } from '../../src-main/qemu/qmp';
import { PlainQemu } from '../support/plain-qemu';
import { tempDirPerTest } from '../support/temp';

const folder = tempDirPerTest();
const vms: PlainQemu[] = [];

afterEach(async () => {
  await Promise.all(vms.splice(0).map((vm) => vm.stop()));
});

const memory = (id: string, mib: number): readonly string[] => [
  '-object',
  `memory-backend-ram,id=${id},size=${String(mib)}M`,
];
const nodes = ['-numa', 'node,memdev=n0', '-numa', 'node,memdev=n1'];

describe('A live save of a VM', () => {
  test.each<[string, readonly string[], RegExp | null]>([
    ['with plain memory', ['-m', '64', '-vga', 'std'], null],
    ['with one memory backend', ['-m', '64', ...memory('ram0', 64), '-machine', 'memory-backend=ram0'], null],
    [
      'with a short DIMM beside its memory',
      ['-m', '256M,slots=1,maxmem=1G', ...memory('m1', 128), '-device', 'pc-dimm,memdev=m1'],
      /^QEMU with TCG ends itself .*: pc\.ram is longer than m1, its first block$/,
    ],
    [
      'with two NUMA nodes',
      ['-m', '128', ...memory('n0', 64), ...memory('n1', 64), ...nodes],
      /^QEMU with TCG may miss what the guest writes to n1 /,
    ],
  ])('%s is told apart under TCG, and never warned of with KVM', async (_, argv, why) => {
    const path = join(folder(), 'free.sock');
    const line = ['-M', 'q35', ...argv, '-qmp', `unix:${path},server=on,wait=off`];
    vms.push(await PlainQemu.start({ argv: line, folder: folder() }));
    const qmp = await connectQmp(path);
    try {
      const said = await whyNotLive(qmp, 'tcg');
      if (why === null) expect(said).toBeNull();
      else expect(said).toMatch(why);
      expect(await whyNotLive(qmp, 'kvm')).toBeNull();
    } finally {
      qmp.close();
    }
  });
});
