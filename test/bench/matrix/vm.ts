/** The VM that is saved: the demo guest, which writes one word to every page of its memory in a loop as fast as it can. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { demoRecipe } from '../../../src-main/machines/demo';
import { demoIsFull } from '../../support/demo-guest';
import { PlainQemu } from '../../support/plain-qemu';
import { RESOURCES } from '../../support/services';
import { sharedMemory } from '../../support/shared-memory';
import { cpuWithout } from './cpu';
import { Prober } from './prober';

export interface BenchVm {
  readonly qemu: PlainQemu;
  /** A monitor that nobody else uses. */
  readonly freeQmp: string;
  readonly prober: Prober;
  readonly ramBytes: number;
  readonly version: string;
  /** CPU seconds of QEMU so far, without those of the guest's CPUs. */
  cpu(): Promise<number>;
  /** Lets the guest run until all of its memory is written again. */
  runOn(): Promise<void>;
  end(): Promise<void>;
}

/** Starts it and waits until all of its memory is full. `folder` has to have a short path. */
export async function startBenchVm(folder: string, memoryMiB: number): Promise<BenchVm> {
  const { argv } = demoRecipe({
    resources: RESOURCES,
    memoryMiB,
    dirtyMiB: Math.min(memoryMiB - 4, 2044),
    dirtyMiBPerSecond: 0,
  });
  const monitors = ['free', 'probe'].map((name) => join(folder, `${name}.sock`));
  const more = monitors.flatMap((socket) => ['-qmp', `unix:${socket},server=on,wait=off`]);
  const [freeQmp = '', probe = ''] = monitors;
  const qemu = await PlainQemu.start({ argv: [...argv, ...sharedMemory([memoryMiB]), ...more], folder });
  try {
    await demoIsFull(qemu, folder);
    const cpus = await qemu.qmp<{ 'thread-id': number }[]>('query-cpus-fast');
    const { qemu: version } = await qemu.qmp<{ qemu: Record<'major' | 'minor' | 'micro', number> }>('query-version');
    const prober = await Prober.start(probe);
    return {
      ...{ qemu, freeQmp, prober },
      ramBytes: memoryMiB * 2 ** 20,
      version: `${version.major}.${version.minor}.${version.micro}`,
      cpu: () =>
        cpuWithout(
          qemu.pid,
          cpus.map((cpu) => cpu['thread-id']),
        ),
      runOn: async () => {
        if ((await qemu.status()) !== 'running') await qemu.qmp('cont');
        await sleep(300);
      },
      end: async () => {
        await prober.stop();
        await qemu.stop();
      },
    };
  } catch (error) {
    await qemu.stop();
    throw error;
  }
}
