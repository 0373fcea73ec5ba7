/**
 * Stillframe's channels on a guest that runs. QEMU tells nobody which pages a guest has written, so the guest is a synthetic
 * one of the same size, which writes to every page in a loop as fast as it can.
 */
import { join } from 'node:path';
import { SyntheticGuest } from '../../../src-main/synthetic/guest';
import { saveSynthetic } from '../../../src-main/synthetic/save';
import { Bounds } from './bounds';
import { CHANNELS } from './qemu-modes';
import type { Stillframe } from './stillframe';
import type { Bench, Mode, Run } from './types';

const PAGE_BYTES = 4096;
const GIB = 2 ** 30;
/** As QEMU's `downtime-limit` is from the start. */
const DOWNTIME_MS = 300;
/** The limit is one of time. */
const MOST_PASSES = 100_000;

/** mapped-ram as QEMU's rows have it, with one channel, with more, and with direct I/O. */
export function syntheticModes(stillframe: Stillframe): readonly Mode[] {
  const mode = (name: string, channels: number, directIo: boolean): Mode => ({
    ...{ name, who: 'synthetic guest', live: true, flush: directIo ? 'direct' : 'end' },
    run: (bench) => run(stillframe, channels, directIo, bench),
  });
  return [
    mode('mapped-ram', 1, false),
    mode('mapped-ram + multifd', CHANNELS, false),
    mode('mapped-ram + multifd + direct-io', CHANNELS, true),
  ];
}

async function run({ services }: Stillframe, channels: number, directIo: boolean, bench: Bench): Promise<Run> {
  const { vm, folder, limitMs } = bench;
  // The other guest would take a CPU.
  await vm.qemu.qmp('stop');
  const guest = await SyntheticGuest.make(services, {
    ...{ ramBytes: vm.ramBytes, pageSize: PAGE_BYTES, workingSetBytes: vm.ramBytes, mibPerSecond: 0 },
    ...{ zeroShare: 0, zeroAgainShare: 0, seed: 1 },
  });
  try {
    await guest.run();
    const report = await saveSynthetic(
      services,
      guest,
      {
        ...{ out: join(folder, 'saved'), mode: 'live', channels, directIo, downtimeMs: DOWNTIME_MS },
        ...{ mostPasses: MOST_PASSES, liveLimitSeconds: limitMs / 1000, bytesPerSecond: null },
      },
      new AbortController().signal,
    );
    const { fileBytes, allocatedBytes, passes } = report;
    const sum = (value: (pass: (typeof passes)[number]) => number): number =>
      passes.reduce((total, pass) => total + value(pass), 0);
    return {
      ...{ end: report.converged ? 'done' : 'finished stopped', pages: sum(({ pages }) => pages) },
      ...{ saveMs: report.totalMs - report.flushMs, stoodMs: report.downtimeMs, flushMs: report.flushMs },
      ...{ qmpSaveMs: null, qmpFlushMs: null, fileBytes, allocatedBytes },
      cpuSeconds: (report.cpuSecondsPerGiB * sum(({ bytes }) => bytes)) / GIB,
      violations: [
        ...(report.directIo === directIo ? [] : [`It ran with directIo ${String(report.directIo)}.`]),
        ...(await new Bounds().ofWhole(report.file, { fileBytes, allocatedBytes })),
      ],
    };
  } finally {
    await guest.end();
  }
}
