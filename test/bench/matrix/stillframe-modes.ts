/** Stillframe's ways of saving the same VM, each beside the one of QEMU's that it stands for. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { openPipe } from '../../../src-main/files/pipe';
import type { Lease } from '../../../src-shared/contracts/lease';
import type { FlushPolicy, SaveOptions } from '../../../src-shared/contracts/saves';
import type { WorkerApi } from '../../../src-shared/contracts/worker';
import { saveAndWait, saveOptions } from '../../support/services';
import { sizeOf } from './bounds';
import { CHANNELS, parametersBroken, settingsBroken, untilOver, type Way } from './qemu-modes';
import type { Stillframe } from './stillframe';
import type { Bench, Mode, Run } from './types';

const QEMU_DEFAULT_BANDWIDTH = 128 * 2 ** 20;

type Asked = Pick<SaveOptions, 'engine' | 'channels' | 'directIo'> & { readonly flush: FlushPolicy };

/** By channels, which need a guest that is stopped; `file:` is QEMU's stream through a pipe into a mapped-ram file. */
export function stillframeModes(stillframe: Stillframe): readonly Mode[] {
  const channels = (name: string, count: number, flush: FlushPolicy): Mode =>
    saving(stillframe, name, false, { engine: 'channels', channels: count, directIo: flush === 'direct', flush });
  const ingest = (live: boolean): Mode =>
    saving(stillframe, 'file:', live, { engine: 'ingest', channels: 1, directIo: false, flush: 'end' });
  const background = (live: boolean): Mode => ({
    ...{ name: BACKGROUND.name, who: 'Stillframe', live, flush: 'end' },
    run: (bench) => ingestSnapshot(stillframe, live, bench),
  });
  return [
    ...[ingest(false), ingest(true)],
    ...[background(false), background(true)],
    channels('mapped-ram', 1, 'end'),
    ...(['none', 'end', 'ranged'] as const).map((flush) => channels('mapped-ram + multifd', CHANNELS, flush)),
    channels('mapped-ram + multifd + direct-io', CHANNELS, 'direct'),
  ];
}

function saving(stillframe: Stillframe, name: string, live: boolean, asked: Asked): Mode {
  return {
    ...{ name, who: 'Stillframe', live, flush: asked.flush },
    run: (bench) => save(stillframe, live, asked, bench),
  };
}

async function save(stillframe: Stillframe, live: boolean, asked: Asked, bench: Bench): Promise<Run> {
  const { services, machine } = stillframe;
  const { vm, folder, limitMs, bounds } = bench;
  let written: { readonly at: number; readonly qmpMs: number } | null = null;
  // As QEMU has it from the start: to set it to 0, and back, is the save's own business.
  await vm.qemu.qmp('migrate-set-parameters', { 'max-bandwidth': QEMU_DEFAULT_BANDWIDTH });
  const broken: string[] = [];
  stillframe.onPhase = async (phase) => {
    // By channels QEMU writes the device state alone, and that later.
    if (phase === 'writing' && asked.engine === 'ingest')
      broken.push(...(await parametersBroken(vm.qemu, { 'max-bandwidth': 0 })));
    if (phase === 'flushing') written = { at: performance.now(), qmpMs: await vm.prober.longestMs() };
  };
  const cpuBefore = await stillframe.cpu();
  await vm.prober.longestMs();
  const begun = performance.now();
  const options = { ...asked, mode: live ? 'live' : 'paused', liveLimitSeconds: limitMs / 1000 } as const;
  const job = await saveAndWait(services, saveOptions(machine, { ...options, out: join(folder, 'snapshot') }));
  const ended = performance.now();
  const qmpFlushMs = await vm.prober.longestMs();
  const cpuSeconds = (await stillframe.cpu()) - cpuBefore;
  stillframe.onPhase = null;
  const { outcome, progress } = job;
  if (outcome?.kind !== 'saved' || written === null) throw new Error(JSON.stringify(outcome));
  const { result } = outcome;
  const { at, qmpMs } = written as { at: number; qmpMs: number };
  const size = await sizeOf(result.memoryFile);
  const flushes = asked.flush !== 'none';
  broken.push(...(await parametersBroken(vm.qemu, { 'max-bandwidth': QEMU_DEFAULT_BANDWIDTH })));
  return {
    ...{ end: progress.finishingPaused === null ? 'done' : 'finished stopped', pages: result.pagesWritten },
    ...{ saveMs: at - begun, stoodMs: result.timings.pausedMs, qmpSaveMs: qmpMs, cpuSeconds, ...size },
    ...{ flushMs: flushes ? ended - at : null, qmpFlushMs: flushes ? qmpFlushMs : null },
    violations: [
      ...broken,
      ...(['engine', 'channels', 'directIo', 'flush'] as const)
        .filter((name) => result[name] !== asked[name])
        .map((name) => `It ran with ${name} ${String(result[name])}.`),
      ...(await bounds.ofWhole(result.memoryFile, size)),
    ],
  };
}

const BACKGROUND: Way = { name: 'file: + background-snapshot', on: ['background-snapshot'], directIo: false };

/** QEMU writes its background snapshot into a pipe, and a worker makes a mapped-ram file of it on the way. */
async function ingestSnapshot(stillframe: Stillframe, live: boolean, bench: Bench): Promise<Run> {
  const { services } = stillframe;
  const { vm, folder, bounds } = bench;
  const { qemu, prober } = vm;
  const path = join(folder, 'saved');
  const [pipe, handle, worker] = await Promise.all([openPipe(), open(path, 'wx'), services.workers.take('ingest')]);
  const source = await services.files.lend(pipe.read, "QEMU's stream", 0);
  const target = await services.files.lend(handle, path);
  try {
    await qemu.setMigration({ capabilities: { 'background-snapshot': true } });
    await worker.api.beginTransfer({ kind: 'ingest', source: source.lease, target: target.lease });
    const cpuBefore = await stillframe.cpu();
    await prober.longestMs();
    const begun = performance.now();
    if (!live) await qemu.qmp('stop');
    await qemu.giveFd('bench', pipe.write.fd);
    await pipe.write.close();
    await qemu.qmp('migrate', { uri: 'fd:bench' });
    const violations = await settingsBroken(qemu, BACKGROUND);
    const [pages, { migration }] = await Promise.all([ingested(worker.api), untilOver(qemu, Infinity, Infinity)]);
    const saveMs = performance.now() - begun;
    const qmpSaveMs = await prober.longestMs();
    const flushMs = await flushed(worker.api, target.lease);
    const qmpFlushMs = await prober.longestMs();
    const cpuSeconds = (await stillframe.cpu()) - cpuBefore;
    const size = await sizeOf(path);
    violations.push(...(await bounds.ofWhole(path, size)));
    return {
      ...{ end: 'done', saveMs, stoodMs: live ? (migration.downtime ?? null) : saveMs },
      ...{ flushMs, qmpSaveMs, qmpFlushMs, cpuSeconds, pages, ...size, violations },
    };
  } finally {
    worker.stop();
    await Promise.all([source.release(), target.release(), pipe.close()]);
  }
}

async function ingested(api: WorkerApi): Promise<number> {
  for (;;) {
    const { done, pages } = await api.stepTransfer();
    if (done) return pages;
  }
}

async function flushed(api: WorkerApi, lease: Lease): Promise<number> {
  const begun = performance.now();
  await api.dataSync(lease);
  return performance.now() - begun;
}
