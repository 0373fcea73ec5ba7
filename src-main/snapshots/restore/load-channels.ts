/**
 * The channels load engine: our workers put the pages into the memory that the VM shares with us, and QEMU loads the device
 * state alone. The other blocks (ROMs, video memory) come with the device state.
 *
 * QEMU is started first. What its devices put into memory while they were made is wiped: the snapshot is all there is to be.
 */
import { tmpdir } from 'node:os';
import { byteCount, fileOffset } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/lease';
import type { WorkerApi } from '@shared/contracts/worker';
import { Coordinator } from '@shared/multifd/coordinator';
import type { BlockPlace } from '@shared/multifd/places';
import { planMasked } from '@shared/multifd/plan';
import { openUnnamed } from '../../files/unnamed';
import { openRamFile, readRamFiles } from '../../qemu/ram-files';
import { timers } from '../../time/timers';
import { incomingStream, loadIncoming, type Loader, type LoadPlan, type LoadRooms, type Waiting } from './loader';

const DOING = 'restoring the VM';
/** 64 MiB of bitmap would be 2 TiB of memory; a message carries a part of that. */
const BITMAP_PAGES = 8 * 1024 * 1024;
/** Memory-bound work: more than two channels gain nothing (ENGINE, 12). */
const CHANNELS = 2;

export async function channelsLoader(rooms: LoadRooms, plan: LoadPlan): Promise<Loader> {
  rooms.channels.warm(CHANNELS);
  const source = await rooms.files.lendPath(plan.memoryFile, plan.streamOffset);
  return {
    inherit: [],
    load: async (waiting, stallMs) => {
      const handle = await openUnnamed(tmpdir());
      const state = await rooms.files.lend(handle, 'the device state');
      const memory = await openMemory(rooms, waiting, plan);
      const worker = await rooms.workers.take('restore');
      try {
        await fill(rooms, worker.api, source.lease, memory);
        const external = memory.places.map(({ name }) => name);
        await worker.api.split(source.lease, state.lease, external);
        await loadIncoming(waiting, await incomingStream(waiting.qmp, handle.fd), stallMs);
      } finally {
        worker.stop();
        await Promise.all([memory.release(), state.release()]);
      }
    },
    release: () => source.release(),
  };
}

/** A VM's shared memory, open to be filled, and where its pages are in the file. */
interface OpenMemory {
  readonly places: readonly BlockPlace[];
  readonly files: readonly Lease[];
  readonly pageSize: number;
  release(): Promise<void>;
}

/** Opens what the waiting VM shares of its memory, of blocks that have pages in the file. */
async function openMemory(
  { files }: LoadRooms,
  { qmp, process, privateRam }: Waiting,
  plan: LoadPlan,
): Promise<OpenMemory> {
  const shared = (await readRamFiles(qmp, process.pid)).filter((block) => block.shared !== null);
  const lent: { readonly lease: Lease; release(): Promise<void> }[] = [];
  const release = async (): Promise<void> => {
    await Promise.all(lent.map((one) => one.release()));
  };
  const places: BlockPlace[] = [];
  let size: number | null = null;
  try {
    for (const { name, usedLength, shared: memory } of shared) {
      const saved = plan.blocks.find((block) => block.name === name);
      if (saved?.pageSize == null || saved.pagesOffset === null || saved.usedLength !== usedLength) continue;
      size ??= saved.pageSize;
      lent.push(await files.lend(await openRamFile(memory, 'r+'), `the VM's memory, ${name}`));
      const [ramOffset, pagesOffset] = [fileOffset(memory.offset), fileOffset(saved.pagesOffset)];
      places.push({ name, ram: lent.length - 1, ramOffset, length: byteCount(usedLength), pagesOffset });
    }
    if (size === null) throw notShared(privateRam);
    return { places, files: lent.map(({ lease }) => lease), pageSize: size, release };
  } catch (error) {
    await release();
    throw error;
  }
}

const notShared = (why: string | null): Error =>
  fail(
    'restore.failed',
    DOING,
    `The VM's memory is not shared. ${why ?? ''}`.trim(),
    'Restore it with another engine.',
  );

/** Puts every present page of the blocks into the VM's memory, which holds nothing else then. */
async function fill(rooms: LoadRooms, api: WorkerApi, source: Lease, memory: OpenMemory): Promise<void> {
  const { places, files, pageSize } = memory;
  const present: Uint8Array[] = [];
  for (const { name, ram, ramOffset, length } of places) {
    const lease = files[ram];
    if (lease !== undefined) await api.punch(lease, [ramOffset, ramOffset + length]);
    present.push(await bitmapOf(api, source, name, length / pageSize));
  }
  const channels = await rooms.channels.open(CHANNELS, {
    direction: 'load',
    ram: files,
    file: source,
    pageSize,
    directIo: true,
    digests: false,
    writeBack: 'none',
  });
  try {
    const coordinator = new Coordinator({
      direction: 'load',
      channels: channels.channels,
      doing: DOING,
      clock: timers,
      replace: () => channels.replace(),
    });
    const nobody = { saved: () => undefined, lost: () => undefined };
    await coordinator.copy(planMasked(places, present, pageSize), nobody, new AbortController().signal);
  } finally {
    await channels.release();
  }
}

async function bitmapOf(api: WorkerApi, source: Lease, name: string, pages: number): Promise<Uint8Array> {
  const present = new Uint8Array(Math.ceil(pages / 8));
  for (let first = 0; first < pages; first += BITMAP_PAGES)
    present.set(
      (await api.readBitmap(source, name, first, Math.min(BITMAP_PAGES, pages - first))).subarray(
        0,
        present.length - first / 8,
      ),
      first / 8,
    );
  return present;
}
