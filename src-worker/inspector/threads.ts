/** The threads that an inspector's worker starts for what takes long, so that it goes on answering itself. */
import { availableParallelism } from 'node:os';
import { Worker as Thread } from 'node:worker_threads';
import { connect } from '@shared/contracts/endpoint';
import { workerMethods } from '@shared/contracts/endpoint-worker';
import { valueWire } from '@shared/contracts/endpoint-wires';
import type { ExploreApi } from '@shared/contracts/explore';
import { fail } from '@shared/contracts/failure';
import type { WorkerApi } from '@shared/contracts/worker';

/** More only wait for the disk. */
const MOST_THREADS = 4;

/** What is asked of a thread. Each holds at most one open job of a kind; jobs of different kinds share the threads. */
export type ThreadApi = ExploreApi;

/** Threads of one inspector: started when the first job wants them, and kept. */
export interface InspectorThreads {
  apis(): readonly ThreadApi[];
  dispose(): void;
}

/** `file` is the worker's own: a thread runs the same program. */
export function createThreads(file: string): InspectorThreads {
  let threads: readonly RunningThread[] | null = null;
  return {
    apis() {
      threads ??= Array.from({ length: Math.min(MOST_THREADS, availableParallelism()) }, () => startThread(file));
      return threads.map(({ api }) => api);
    },
    dispose() {
      for (const { stop } of threads ?? []) stop();
      threads = null;
    },
  };
}

interface RunningThread {
  readonly api: ThreadApi;
  stop(): void;
}

function startThread(file: string): RunningThread {
  const thread = new Thread(file, { name: 'inspector' });
  const connection = connect<WorkerApi>(valueWire(thread), workerMethods);
  const died = (what: string): void =>
    connection.end(
      fail('worker.died', 'reading the file', `a thread that read it ended: ${what}`, 'Open the file again.').failure,
    );
  thread.on('error', (error) => died(error.message));
  thread.on('exit', (code) => died(`code ${code}`));
  // A thread that is ended while it loads koffi takes the whole process with it (napi_throw is fatal there): seen here.
  const loaded = connection.api.hello().catch(() => undefined);
  return { api: connection.api, stop: () => void loaded.then(() => thread.terminate()) };
}
