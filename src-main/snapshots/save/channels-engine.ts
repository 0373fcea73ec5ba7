/**
 * The channels engine: our own workers copy the shared memory of a paused VM to its fixed places in the file, while QEMU
 * writes the device state alone, by `x-ignore-shared`; then both are joined into a file that any QEMU from 9.0 on loads.
 *
 * That QEMU writes the device state while the memory is copied is QEMU's own order: it has sent the last page of RAM before
 * it asks the devices (savevm.c, qemu_savevm_state_complete_precopy).
 */
import type { FileHandle } from 'node:fs/promises';
import { byteCount } from '@shared/bytes/units';
import type { JoinSetup, StreamBlock } from '@shared/contracts/transfer';
import type { Lease, WorkerApi } from '@shared/contracts/worker';
import type { BlockDigests } from '@shared/mapped-ram/digests-file';
import { openUnnamed } from '../../files/unnamed';
import type { ChannelSet } from '../../services';
import { copyTouched, emptySets, type Copied } from './channels/copy';
import { giveBackStale } from './channels/give-back';
import { openRam, touchedIn, type SavedRam } from './channels/ram';
import type { SaveContext } from './context';
import { captureDeviceState } from './device-state';
import { flushPolicy, wantsDirectIo, type Engine, type PreparedSave, type Written } from './engine';
import { recordMoment } from './moment';
import { openTarget, type OpenTarget } from './open-target';
import type { SaveWorker } from './save-worker';
import { pushResume, stopGuest } from './still-guest';
import { whyNoRoom } from './write';

/** `page-size` of query-migrate before a first migration is 4096 on every machine whose RAM QEMU can keep in a file here. */
const USUAL_PAGE_SIZE = 4096;

/** The device state put around the pages, all but what the copy decides; `by` the worker that goes on with it. */
interface BegunJoin {
  readonly by: WorkerApi;
  readonly blocks: readonly StreamBlock[];
}

interface Halves {
  readonly memory: Copied;
  readonly joining: Promise<BegunJoin>;
}

/** Everything that is open for a save by channels. */
interface Opened {
  readonly context: SaveContext;
  readonly worker: SaveWorker;
  readonly target: OpenTarget;
  readonly ram: SavedRam;
  readonly channels: ChannelSet;
  readonly state: { readonly handle: FileHandle; readonly lease: Lease };
}

export const channelsEngine: Engine = {
  name: 'channels',
  prepare: async (context, worker) => {
    const opened = await open(context, worker);
    let halves: Halves | null = null;
    const prepared: PreparedSave = {
      target: opened.target,
      directIo: opened.channels.directIo,
      putBack: [],
      write: async () => {
        const { written, ...taken } = await write(opened);
        halves = taken;
        return written;
      },
      finish: async () => {
        if (halves !== null) await finish(opened, halves);
      },
    };
    return prepared;
  },
};

async function open(context: SaveContext, worker: SaveWorker): Promise<Opened> {
  const { job, options, undo, rooms, vm } = context;
  rooms.channels.warm(options.channels);
  const target = await openTarget(context, wantsDirectIo(options));
  const directIo = target.direct !== null;
  await target.direct?.close();

  await job.enter('preparing', 'opening the channels');
  const ram = await openRam(context, vm.migration.ram?.['page-size'] ?? USUAL_PAGE_SIZE);
  const channels = await rooms.channels.open(options.channels, {
    direction: 'save',
    ram: ram.files,
    file: target.lease,
    pageSize: ram.pageSize,
    directIo,
    digests: true,
    writeBack: flushPolicy(options, directIo) === 'ranged' ? 'ranged' : 'none',
  });
  undo.push('closing the channels', () => channels.release());
  const handle = await openUnnamed(context.folder);
  const { lease, release } = await rooms.files.lend(handle, 'the device state', 0);
  undo.push('closing the device state', release);

  // A file of its final length: a write that makes a file longer keeps all others waiting.
  await worker.run((api) => api.allocate(target.lease, ram.end, []));
  return { context, worker, target, ram, channels, state: { handle, lease } };
}

async function write(opened: Opened): Promise<Halves & { readonly written: Written }> {
  const { context, worker, ram, channels } = opened;
  const { job, vm, wasRunning } = context;
  await job.enter('writing', 'starting');
  const resume = pushResume(context);
  if (wasRunning) await stopGuest(vm.qmp);
  await job.enter('writing', 'copying pages');
  const touched = await touchedIn(worker, ram);
  const halves = new AbortController();
  const signal = AbortSignal.any([job.signal, halves.signal]);
  const state = takeDeviceState(opened, signal);
  const joining = state.then(() => beginJoin(opened));
  // Whoever finishes the save waits for it; when the save fails before, nobody does.
  joining.catch(() => undefined);
  const [memory, moment] = await bothOrNeither(
    halves,
    copyTouched(job, context.options.rateLimit, signal, channels, ram, touched, emptySets(ram), () =>
      bytesOnDisk(opened.target),
    ),
    state.then(() => recordMoment(context)),
  );
  const { pages, bytes, sets } = memory;
  return {
    memory,
    joining,
    written: { bytes, pages, finishedPaused: null, resume, moment, digests: digestsOf(ram, sets) },
  };
}

/** QEMU calls a write that failed an error of its own; a full disk is told by its free space. */
async function takeDeviceState({ context, state }: Opened, signal: AbortSignal): Promise<void> {
  const { vm, undo, folder } = context;
  try {
    await captureDeviceState(vm, state.handle, undo, signal);
  } catch (error) {
    throw (await whyNoRoom(error, folder)) ?? error;
  }
}

async function bytesOnDisk({ buffered }: OpenTarget): Promise<number> {
  return (await buffered.stat()).blocks * 512;
}

/** Waits for both. When one fails the other is called off, and waited for: nobody may work on what is put back then. */
async function bothOrNeither<A, B>(
  callOff: AbortController,
  one: Promise<A>,
  other: Promise<B>,
): Promise<readonly [A, B]> {
  let first: unknown;
  const note = (error: unknown): never => {
    first ??= error;
    callOff.abort(error);
    throw error;
  };
  const [a, b] = await Promise.allSettled([one.catch(note), other.catch(note)]);
  if (a.status === 'fulfilled' && b.status === 'fulfilled') return [a.value, b.value];
  throw first;
}

const digestsOf = ({ places }: SavedRam, sets: Copied['sets']): readonly BlockDigests[] =>
  places.map(({ name, length }, block) => ({
    name,
    usedLength: byteCount(length),
    digests: sets[block]?.presentDigests() ?? new Uint8Array(0),
  }));

const joinOf = ({ state, target, ram }: Opened): JoinSetup => ({
  state: state.lease,
  target: target.lease,
  plan: ram.plan,
  external: ram.places.map(({ name }) => name),
});

const beginJoin = (opened: Opened): Promise<BegunJoin> =>
  opened.worker.run(async (by) => ({ by, blocks: await by.beginJoin(joinOf(opened)) }));

/** What needs neither QEMU nor the guest: the device state around the pages, and room that was not used. */
async function finish(opened: Opened, { memory, joining }: Halves): Promise<void> {
  const { context, worker, target, ram, channels } = opened;
  const { sets } = memory;
  await context.job.enter('writing', 'joining');
  await channels.release();
  await giveBackStale(worker, target.lease, ram, sets);
  const { by, blocks } = await joining;
  const inStream = new Set(blocks.filter((block) => block.inStream).map(({ name }) => name));
  const copied = Object.fromEntries(
    ram.places.flatMap(({ name }, block) => {
      const present = sets[block]?.present;
      return present === undefined || inStream.has(name) ? [] : [[name, present]];
    }),
  );
  await worker.run(async (api) => {
    // Another worker, in place of one that died, knows nothing of what that one had begun.
    if (api !== by) await api.beginJoin(joinOf(opened));
    return api.finishJoin(copied);
  });
}
