/** One copy by our channels: workers as processes of their own, driven by the coordinator as a save or a load does. */
import { open, stat } from 'node:fs/promises';
import { timers } from '../../../src-main/time/timers';
import type { ChannelPool, Worker } from '../../../src-main/services';
import { byteCount, fileOffset } from '../../../src-shared/bytes/units';
import type { ChannelSetup } from '../../../src-shared/contracts/channels';
import type { Lease } from '../../../src-shared/contracts/lease';
import { Coordinator } from '../../../src-shared/multifd/coordinator';
import { PageSets } from '../../../src-shared/multifd/page-set';
import type { BlockPlace } from '../../../src-shared/multifd/places';
import { planMasked, planWhole } from '../../../src-shared/multifd/plan';
import type { Measured } from './table';

export const PAGE_SIZE = 4096;

export interface OurRun {
  readonly ram: string;
  readonly file: string;
  readonly bytes: number;
  readonly channels: number;
}

async function leaseOf(path: string): Promise<Lease> {
  const { dev, ino } = await stat(path, { bigint: true });
  return { path, dev: String(dev), ino: String(ino), name: path, streamOffset: null };
}

async function createFile(path: string, bytes: number): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  await handle.truncate(bytes);
  await handle.close();
}

const placeOf = (bytes: number): BlockPlace => ({
  name: 'pc.ram',
  ram: 0,
  ramOffset: fileOffset(0),
  length: byteCount(bytes),
  pagesOffset: fileOffset(0),
});

async function setupOf(direction: ChannelSetup['direction'], { ram, file }: OurRun): Promise<ChannelSetup> {
  return {
    direction,
    ram: [await leaseOf(ram)],
    file: await leaseOf(file),
    pageSize: PAGE_SIZE,
    directIo: direction === 'save',
    digests: direction === 'save',
    writeBack: 'none',
  };
}

/** A save into the new file, with direct I/O and digests, until fdatasync has returned; which pages are present. */
export async function saveOnce(
  pool: ChannelPool,
  flusher: Worker,
  run: OurRun,
): Promise<Measured & { readonly present: Uint8Array }> {
  await createFile(run.file, run.bytes);
  const setup = await setupOf('save', run);
  const places = [placeOf(run.bytes)];
  const sink = new PageSets(places, PAGE_SIZE, true);
  const measured = await copy(pool, setup, run, async (coordinator, signal) => {
    const totals = await coordinator.copy(planWhole(places, [[0, run.bytes]], PAGE_SIZE), sink, signal);
    await flusher.api.dataSync(setup.file);
    return totals;
  });
  return { ...measured, present: sink.sets[0]?.present ?? new Uint8Array(0) };
}

/** A load of the `present` pages of the file into new RAM. */
export async function loadOnce(pool: ChannelPool, run: OurRun, present: Uint8Array): Promise<Measured> {
  await createFile(run.ram, run.bytes);
  const places = [placeOf(run.bytes)];
  return copy(pool, await setupOf('load', run), run, (coordinator, signal) =>
    coordinator.copy(
      planMasked(places, [present], PAGE_SIZE),
      { saved: () => undefined, lost: () => undefined },
      signal,
    ),
  );
}

/** Opening the channels does not count: a save opens them before it stops the guest. */
async function copy(
  pool: ChannelPool,
  setup: ChannelSetup,
  { channels }: OurRun,
  work: (coordinator: Coordinator, signal: AbortSignal) => Promise<{ readonly bytes: number; readonly cpuMs: number }>,
): Promise<Measured> {
  const set = await pool.open(channels, setup);
  try {
    const coordinator = new Coordinator({
      direction: setup.direction,
      channels: set.channels,
      doing: 'measuring a copy',
      clock: timers,
      replace: () => Promise.resolve(null),
    });
    const mainBefore = process.cpuUsage();
    const begun = performance.now();
    const { bytes, cpuMs } = await work(coordinator, new AbortController().signal);
    const seconds = (performance.now() - begun) / 1000;
    const { user, system } = process.cpuUsage(mainBefore);
    return { seconds, cpuSeconds: cpuMs / 1000 + (user + system) / 1e6, bytes };
  } finally {
    await set.release();
  }
}
