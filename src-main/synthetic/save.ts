/** A save of a synthetic guest by channels: precopy into a mapped-ram file, as an engine for real guests would do it. */
import { dirname } from 'node:path';
import { byteCount, fileOffset } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import type { ChannelsProgress } from '@shared/contracts/lanes';
import type { Stretches } from '@shared/contracts/ram-files';
import type { SyntheticPass, SyntheticReport, SyntheticSaveOptions } from '@shared/contracts/synthetic';
import type { Lease, WorkerApi } from '@shared/contracts/worker';
import { Coordinator } from '@shared/multifd/coordinator';
import { giveBack } from '@shared/multifd/give-back';
import { PageSets } from '@shared/multifd/page-set';
import type { BlockPlace } from '@shared/multifd/places';
import { planMasked, planWhole } from '@shared/multifd/plan';
import { copyStopped, precopy, type PrecopyPass, type PrecopyResult } from '@shared/multifd/precopy';
import type { ChannelPool, FileRegistry, WorkerPool } from '../services';
import { timers } from '../time/timers';
import { unlessAborted } from '../time/time-limit';
import type { SyntheticGuest } from './guest';
import { BLOCK_NAME, frameOf, type SyntheticFrame } from './head';
import { TargetFile } from './target';

export interface SyntheticRooms {
  readonly files: FileRegistry;
  readonly workers: WorkerPool;
  readonly channels: ChannelPool;
}

export interface SyntheticHooks {
  readonly onProgress?: (progress: ChannelsProgress) => void;
  readonly onPass?: (pass: SyntheticPass) => void;
}

const DOING = 'saving the synthetic guest';
/** Stretches asked for, or punched, in one call of a worker. */
const STRETCHES_AT_A_TIME = 2048;

/**
 * Saves the guest, which is frozen in the end when all went well. Rejects with what failed (`file.*`, `worker.died`), or with
 * `save.cancelled` when the signal fires: in each case nothing is left of the file, and no channel writes to it any more.
 */
export async function saveSynthetic(
  rooms: SyntheticRooms,
  guest: SyntheticGuest,
  options: SyntheticSaveOptions,
  signal: AbortSignal,
  hooks: SyntheticHooks = {},
): Promise<SyntheticReport> {
  const startedAt = performance.now();
  const target = await TargetFile.make(rooms.files, options.out);
  const helper = rooms.workers.take('writing a file');
  helper.catch(() => undefined);
  try {
    const frame = frameOf(guest.options.ramBytes, guest.options.pageSize);
    await target.write(frame.head, 0);
    await target.resize(frame.tailOffset);
    const { api } = await unlessAborted(signal, helper);
    const copied = await copyPages(rooms, guest, options, signal, { frame, target: target.lease, api, hooks });
    // What is old goes before the bitmap is written: a file with a bitmap has right bytes, clear bits included.
    const { pagesOffset } = frame;
    const { punch, zero } = giveBack([{ pagesOffset, pageSize: guest.options.pageSize, stale: copied.pages.stale() }]);
    for (const part of inParts(punch)) await unlessAborted(signal, api.punch(target.lease, part));
    for (const part of inParts(zero)) await unlessAborted(signal, api.zero(target.lease, part));
    await target.write(copied.pages.present, frame.bitmapOffset);
    await target.write(frame.tail, frame.tailOffset);
    const flushAt = performance.now();
    await unlessAborted(signal, api.dataSync(target.lease));
    const flushMs = performance.now() - flushAt;
    const size = await target.size();
    signal.throwIfAborted();
    await target.publish();
    await api.syncFolder(dirname(options.out));
    return { ...reportOf(options, copied), ...size, flushMs, totalMs: performance.now() - startedAt };
  } catch (error) {
    throw signal.aborted
      ? fail('save.cancelled', DOING, 'The save was cancelled', 'Nothing is left of the file.')
      : error;
  } finally {
    void helper.then((worker) => worker.stop()).catch(() => undefined);
    await target.close();
  }
}

interface Copied {
  readonly result: PrecopyResult;
  readonly directIo: boolean;
  readonly deaths: number;
  readonly pages: PageSets['sets'][number];
}

interface Ends {
  readonly frame: SyntheticFrame;
  readonly target: Lease;
  readonly api: WorkerApi;
  readonly hooks: SyntheticHooks;
}

async function copyPages(
  rooms: SyntheticRooms,
  guest: SyntheticGuest,
  options: SyntheticSaveOptions,
  signal: AbortSignal,
  { frame, target, api, hooks }: Ends,
): Promise<Copied> {
  const { ramBytes, pageSize } = guest.options;
  const place: BlockPlace = {
    name: BLOCK_NAME,
    ram: 0,
    ramOffset: fileOffset(0),
    length: byteCount(ramBytes),
    pagesOffset: frame.pagesOffset,
  };
  const channels = await rooms.channels.open(options.channels, {
    direction: 'save',
    ram: [guest.ram],
    file: target,
    pageSize,
    directIo: options.directIo,
    digests: false,
    writeBack: 'none',
  });
  try {
    const sets = new PageSets([place], pageSize, false);
    const coordinator = new Coordinator({
      direction: 'save',
      channels: channels.channels,
      doing: DOING,
      clock: timers,
      replace: channels.replace,
      ...(hooks.onProgress === undefined ? {} : { onProgress: hooks.onProgress }),
    });
    if (options.bytesPerSecond !== null) coordinator.limitRate(options.bytesPerSecond);
    const steps = {
      guest: {
        sync: () => unlessAborted(signal, guest.sync()),
        stop: () => unlessAborted(signal, guest.stop()),
      },
      clock: timers,
      first: async () => planWhole([place], [await touched(api, guest.ram, ramBytes, signal)], pageSize),
      marked: (bits: Parameters<typeof planMasked>[1]) => planMasked([place], bits, pageSize),
      copy: (feed: Parameters<Coordinator['copy']>[0]) => coordinator.copy(feed, sets, signal),
      onPass: (pass: PrecopyPass) => hooks.onPass?.(withoutCpu(pass)),
    };
    const result = await (options.mode === 'paused'
      ? copyStopped(steps)
      : precopy(steps, {
          downtimeMs: options.downtimeMs,
          mostPasses: options.mostPasses,
          liveLimitMs: options.liveLimitSeconds === null ? null : options.liveLimitSeconds * 1000,
          finishStopped: true,
        }));
    const [pages] = sets.sets;
    if (pages === undefined) throw new Error('a plan of one block has one page set');
    return { result, pages, directIo: channels.directIo && options.directIo, deaths: coordinator.progress().deaths };
  } finally {
    await channels.release();
  }
}

/** The stretches of the memory that were ever written to. */
async function touched(api: WorkerApi, ram: Lease, bytes: number, signal: AbortSignal): Promise<Stretches> {
  const all: number[] = [];
  for (let at: number | null = 0; at !== null;) {
    const { data, next }: Awaited<ReturnType<WorkerApi['dataIn']>> = await unlessAborted(
      signal,
      api.dataIn(ram, at, bytes - at, STRETCHES_AT_A_TIME),
    );
    for (const edge of data) all.push(edge);
    at = next;
  }
  return all;
}

function inParts(stretches: Stretches): Stretches[] {
  const parts: Stretches[] = [];
  for (let at = 0; at < stretches.length; at += 2 * STRETCHES_AT_A_TIME) {
    parts.push(stretches.slice(at, at + 2 * STRETCHES_AT_A_TIME));
  }
  return parts;
}

const withoutCpu = ({ number, pages, bytes, ms, dirtied }: PrecopyPass): SyntheticPass => ({
  number,
  pages,
  bytes,
  ms,
  dirtied,
});

type Sizes = 'fileBytes' | 'allocatedBytes' | 'flushMs' | 'totalMs';

function reportOf(options: SyntheticSaveOptions, copied: Copied): Omit<SyntheticReport, Sizes> {
  const { passes, converged, why, downtimeMs } = copied.result;
  const sum = (of: (pass: PrecopyPass) => number): number => passes.reduce((total, pass) => total + of(pass), 0);
  const [bytes, pages, ms, cpuMs] = [sum((p) => p.bytes), sum((p) => p.pages), sum((p) => p.ms), sum((p) => p.cpuMs)];
  const perSecond = (amount: number): number => (ms === 0 ? 0 : (amount / ms) * 1000);
  return {
    file: options.out,
    channels: options.channels,
    directIo: copied.directIo,
    converged,
    why,
    passes: passes.map(withoutCpu),
    downtimeMs,
    copyMs: ms,
    presentPages: copied.pages.presentPages,
    everPresentPages: copied.pages.everPresentPages,
    mbPerSecond: perSecond(bytes) / 1e6,
    pagesPerSecond: perSecond(pages),
    cpuSecondsPerGiB: bytes === 0 ? 0 : cpuMs / 1000 / (bytes / 2 ** 30),
    deaths: copied.deaths,
  };
}
