import { connect } from '@shared/contracts/endpoint';
import { workerMethods } from '@shared/contracts/endpoint-worker';
import type { Wire } from '@shared/contracts/endpoint-wires';
import { fail, type Failure } from '@shared/contracts/failure';
import type { WorkerApi } from '@shared/contracts/worker';
import type { Worker } from '../services';

/** A started utility process or thread, as far as its life goes. */
export interface Child {
  readonly wire: Wire;
  /** Resolves when it is gone, with how it ended and what it last wrote: "code 9", "signal SIGKILL". */
  readonly exited: Promise<{ readonly how: string; readonly detail?: string }>;
  /** Ends it at once. Does not wait. */
  kill(): void;
}

/** A start that takes longer has failed. A start is 0.1–0.3 s; a busy machine and a cold disk may need many times that. */
const usualStartLimitMs = 30_000;

/**
 * Start, serve, stop: waits until the child answers, then hands it out. Its death, and `stop`, reject what is pending
 * and what is asked later with `worker.died`.
 */
export async function startLife(
  child: Child,
  purpose: string,
  startLimitMs: number = usualStartLimitMs,
): Promise<Worker> {
  const connection = connect<WorkerApi>(child.wire, workerMethods);
  const ended = child.exited.then(({ how, detail }) => connection.end(died(purpose, how, detail)));
  const stop = (): void => {
    connection.end(died(purpose, 'stopped'));
    child.kill();
  };
  const limit = setTimeout(() => {
    connection.end(died(purpose, `no answer within ${startLimitMs / 1000} s of its start`));
    child.kill();
  }, startLimitMs);
  try {
    const { pid } = await connection.api.hello();
    return { api: connection.api, pid, ended, stop };
  } catch (cause) {
    stop();
    throw cause;
  } finally {
    clearTimeout(limit);
  }
}

function died(purpose: string, how: string, detail?: string): Failure {
  return fail(
    'worker.died',
    `working (${purpose})`,
    `the worker for "${purpose}" ended: ${how}`,
    'Start the task again.',
    detail === undefined || detail === '' ? {} : { detail },
  ).failure;
}
