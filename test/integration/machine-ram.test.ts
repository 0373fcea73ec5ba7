/** The RAM map that a machine type implies, against the VM's own memory map. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RamRange } from '../../src-shared/contracts/library';
import { readRamMap } from '../../src-main/qemu/ram-map';
import type { Qmp } from '../../src-main/services';
import { openPath } from '../../src-worker/io/file-source';
import { machineRamMap } from '../../src-worker/snapshot/machine-ram';
import { openSnapshot } from '../../src-worker/snapshot/open';
import { armGuest } from '../support/arm-guest';
import { hmp } from '../support/guest-pages';
import { PlainQemu } from '../support/plain-qemu';
import { makeTempDir, removeTempDir } from '../support/temp';

const MIB = 2 ** 20;
let folder = '';

beforeAll(async () => {
  folder = await makeTempDir('sfr');
});

afterAll(() => removeTempDir(folder));

interface Maps {
  readonly derived: readonly RamRange[];
  readonly real: readonly RamRange[];
}

/** Both maps of a VM that has not run. */
async function mapsOf(argv: readonly string[], program?: string): Promise<Maps> {
  const path = join(folder, 'file');
  const vm = await PlainQemu.start({ argv: [...argv, '-S'], folder, ...(program === undefined ? {} : { program }) });
  let real: readonly RamRange[];
  try {
    const qmp: Pick<Qmp, 'hmp' | 'socketPath'> = { hmp: (line) => hmp(vm, line), socketPath: 'test' };
    real = await readRamMap(qmp as Qmp);
    await vm.save(`file:${path}`, { mappedRam: true });
  } finally {
    await vm.stop();
  }
  const source = await openPath(path);
  try {
    return { derived: machineRamMap((await openSnapshot(source)).stream), real };
  } finally {
    await source.close();
  }
}

/** Below 1 MiB the firmware decides what is ROM: until it has run, a PC's last 256 KiB there are. */
const above1M = (ranges: readonly RamRange[]): readonly RamRange[] =>
  ranges
    .filter(({ guestPhysical, length }) => guestPhysical + length > MIB)
    .map((range) => {
      const cut = Math.max(0, MIB - range.guestPhysical);
      return {
        block: range.block,
        blockOffset: range.blockOffset + cut,
        guestPhysical: range.guestPhysical + cut,
        length: range.length - cut,
      } as RamRange;
    });

const pc = (machine: string, memoryMiB: number) => ['-M', machine, '-m', String(memoryMiB)];

describe('the RAM map of a machine type is the one that QEMU makes', () => {
  it.each([
    ['q35', pc('q35', 32)],
    ['q35, the most that is in one piece', pc('q35', 2815)],
    ['q35, the least that is in two', pc('q35', 2816)],
    ['q35 with 6 GiB', pc('q35', 6144)],
    ['pc', pc('pc', 64)],
    ['pc, the most that is in one piece', pc('pc', 3583)],
    ['pc, the least that is in two', pc('pc', 3584)],
    ['an older pc', pc('pc-i440fx-7.2', 5000)],
    ['microvm', pc('microvm', 3073)],
    [
      'q35 with memory of a backend',
      [...pc('q35', 64), '-object', 'memory-backend-ram,id=mem,size=64M', '-M', 'memory-backend=mem'],
    ],
  ])('%s', async (_, argv) => {
    const { derived, real } = await mapsOf(argv);
    expect(above1M(derived)).toEqual(above1M(real));
    expect(derived[0]?.guestPhysical).toBe(0);
  });

  it('virt, for AArch64', async () => {
    const { program } = await armGuest();
    const { derived, real } = await mapsOf(['-M', 'virt', '-cpu', 'cortex-a72', '-m', '5000'], program);
    // Flash of the firmware is no RAM of the guest's.
    expect(derived).toEqual(real.filter(({ block }) => block === 'mach-virt.ram'));
    expect(derived).toHaveLength(1);
  }, 120_000);
});

describe('it is not known', () => {
  it('with several RAM blocks', async () => {
    const nodes = ['a', 'b'].flatMap((id, at) => [
      ...['-object', `memory-backend-ram,id=${id},size=16M`, '-numa', `node,memdev=${id},nodeid=${at}`],
    ]);
    expect((await mapsOf([...pc('q35', 32), ...nodes])).derived).toEqual([]);
  });

  it('of another machine type', async () => {
    expect((await mapsOf(['-M', 'isapc', '-m', '16', '-cpu', 'pentium'])).derived).toEqual([]);
  });
});
