/** The emit load engine: a worker makes an ordinary stream of the file, into a pipe from which QEMU loads it. */
import { openPipe } from '../../files/pipe';
import { incomingStream, loadIncoming, type Loader, type LoadPlan, type LoadRooms } from './loader';

export async function emitLoader({ files, workers }: LoadRooms, plan: LoadPlan): Promise<Loader> {
  const source = await files.lendPath(plan.memoryFile, plan.streamOffset);
  return {
    inherit: [],
    load: async (waiting, stallMs) => {
      const pipe = await openPipe();
      const target = await files.lend(pipe.write, "QEMU's stream", 0);
      const worker = await workers.take('restore');
      try {
        await worker.api.beginTransfer({ kind: 'emit', source: source.lease, target: target.lease });
        const incoming = await incomingStream(waiting.qmp, pipe.read.fd);
        // QEMU's copy is the only reader from here on: one that dies breaks the pipe.
        await pipe.read.close();
        await target.release();
        const emitting = untilEmitted(() => worker.api.stepTransfer());
        const loading = loadIncoming(waiting, incoming, stallMs);
        // QEMU's own reason comes first when it is QEMU that broke the pipe.
        const [emitted, loaded] = await Promise.allSettled([emitting, orStop(loading, () => worker.stop())]);
        if (loaded.status === 'rejected') throw emittedFirst(emitted, loaded.reason);
        if (emitted.status === 'rejected') throw emitted.reason;
      } finally {
        worker.stop();
        await pipe.close();
        await target.release();
      }
    },
    release: () => source.release(),
  };
}

/** A load that failed reads no more: the worker would wait for room in the pipe. */
async function orStop<T>(loading: Promise<T>, stop: () => void): Promise<T> {
  try {
    return await loading;
  } catch (error) {
    stop();
    throw error;
  }
}

/** A stream that broke off since the file could not be read is the reason; QEMU then knows only that it ended. */
function emittedFirst(emitted: PromiseSettledResult<void>, loaded: unknown): unknown {
  if (emitted.status === 'fulfilled') return loaded;
  const { failure } = emitted.reason as { readonly failure?: { readonly code?: string } };
  const brokenByQemu = failure?.code === 'worker.died' || failure?.code === 'file.io';
  return brokenByQemu ? loaded : emitted.reason;
}

async function untilEmitted(step: () => Promise<{ readonly done: boolean }>): Promise<void> {
  while (!(await step()).done);
}
