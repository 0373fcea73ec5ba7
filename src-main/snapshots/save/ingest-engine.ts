/**
 * The ingest engine: QEMU writes an ordinary stream into a pipe, as every QEMU can, and a worker lays it out as a mapped-ram
 * file on the way. A page that is sent again lands in its own place again, so a live save stays bounded in size.
 */
import type { TransferProgress } from '@shared/contracts/transfer';
import { failureOf } from '@shared/contracts/failure';
import { openPipe, type Pipe } from '../../files/pipe';
import { settled } from '../migration';
import { within } from '../../time/time-limit';
import type { SaveContext } from './context';
import { prepareStream, type PreparedStream } from './device-state';
import { endMigration } from './end-migration';
import type { Engine, Written } from './engine';
import type { GuestClock } from './guest-clock';
import { openTarget, type OpenTarget } from './open-target';
import type { SaveWorker } from './save-worker';
import { pushResume, stopGuest } from './still-guest';
import { watchMigration, whyFailed } from './write';

const SETTLE_LIMIT_MS = 60_000;
/** QEMU says why it failed within a moment of closing the pipe. */
const REASON_LIMIT_MS = 2000;

interface Opened {
  readonly context: SaveContext;
  readonly worker: SaveWorker;
  readonly target: OpenTarget;
  readonly pipe: Pipe;
  readonly stream: PreparedStream;
}

export const ingestEngine: Engine = {
  name: 'ingest',
  prepare: async (context, worker) => {
    const opened = await open(context, worker);
    return {
      target: opened.target,
      directIo: false,
      putBack: opened.stream.putBack,
      write: (clock) => write(opened, clock),
      finish: () => Promise.resolve(),
    };
  },
};

async function open(context: SaveContext, worker: SaveWorker): Promise<Opened> {
  const { job, options, vm, undo, rooms, wasRunning } = context;
  const target = await openTarget(context, false);
  await job.enter('preparing', 'setting up QEMU');
  const pipe = await openPipe();
  undo.push('closing the pipe', () => pipe.close());
  const { lease, release } = await rooms.files.lend(pipe.read, "QEMU's stream", 0);
  undo.push('closing the pipe', release);
  await worker.runOnce((api) => api.beginTransfer({ kind: 'ingest', source: lease, target: target.lease }));
  const standsStill = options.mode === 'paused' || !wasRunning;
  const stream = await prepareStream(
    vm,
    { carries: 'everything', standsStill, rateLimit: options.rateLimit },
    pipe.write.fd,
    undo,
  );
  // The reader comes to the end when QEMU's copy is closed, so ours must not be open.
  await pipe.write.close();
  return { context, worker, target, pipe, stream };
}

async function write({ context, worker, target, pipe, stream }: Opened, clock: GuestClock): Promise<Written> {
  const { job, vm, undo, wasRunning, options } = context;
  await job.enter('writing', 'starting');
  const resume = pushResume(context);
  if (options.mode === 'paused' && wasRunning) await stopGuest(vm.qmp);
  const end = undo.push('ending the migration', () => endMigration(vm.qmp, vm.parameters));
  // Before the migration is ended, which waits for a QEMU that waits for a reader.
  undo.push('closing the pipe', () => pipe.close());
  await vm.qmp.execute('migrate', { uri: stream.uri });
  stream.handover.drop();
  await job.enter('writing', 'writing');
  const halves = new AbortController();
  const watched = watchMigration(context, target, clock, AbortSignal.any([job.signal, halves.signal]));
  // Its failure counts when it is asked for below; before that the stream's own failure does.
  watched.catch(() => undefined);
  const progress = await ingest(worker).catch(async (error: unknown) => {
    // A stream that breaks off was broken off by QEMU, which tells why.
    const broken = failureOf(error, 'saving the VM').code === 'format.truncated';
    const reason = broken ? await within(REASON_LIMIT_MS, whyBroken(watched, context), null) : null;
    halves.abort(error);
    throw reason ?? error;
  });
  const { ended, finishedPaused } = await watched;
  if (ended.status !== 'completed') throw await whyFailed(ended, context.folder);
  await settled(vm.qmp, SETTLE_LIMIT_MS);
  end.drop();
  const { bytesWritten: bytes, pages } = progress;
  return { bytes, pages, finishedPaused, resume, moment: null, digests: [] };
}

/** Why QEMU broke its stream off; null when it says that it did not. */
async function whyBroken(watched: ReturnType<typeof watchMigration>, { folder }: SaveContext): Promise<unknown> {
  try {
    const { ended } = await watched;
    return ended.status === 'completed' ? null : await whyFailed(ended, folder);
  } catch (error) {
    return error;
  }
}

/** Steps until the stream is whole in the file. */
async function ingest(worker: SaveWorker): Promise<TransferProgress> {
  for (;;) {
    const progress = await worker.runOnce((api) => api.stepTransfer());
    if (progress.done) return progress;
  }
}
