import { Worker as Thread } from 'node:worker_threads';
import { valueWire } from '@shared/contracts/endpoint-wires';
import type { Worker } from '../services';
import { startLife } from './life';

/**
 * A worker as a thread of this process, for the command line and for tests. `workerFile` is the built worker.
 *
 * Stopping does not wait: a thread inside a system call ends when that call returns.
 */
export function startThreadWorker(workerFile: string, purpose: string): Promise<Worker> {
  const thread = new Thread(workerFile, { name: purpose });
  const exited = new Promise<{ how: string; detail?: string }>((resolve) => {
    let last: string | undefined;
    thread.on('error', (error) => (last = error.stack ?? error.message));
    thread.on('exit', (code) => resolve({ how: `code ${code}`, ...(last === undefined ? {} : { detail: last }) }));
  });
  const kill = (): void => void thread.terminate();
  return startLife({ wire: valueWire(thread), exited, kill }, purpose);
}
