/**
 * Workers that are multifd channels: started ahead of need, opened before they are handed out, kept for a while afterwards.
 * A start costs 0.1–0.3 s, which is as long as a small save takes.
 */
import type { ChannelOpened, ChannelSetup } from '@shared/contracts/channels';
import { fail, StillframeError } from '@shared/contracts/failure';
import type { Channel } from '@shared/multifd/lane';
import type { ChannelPool, ChannelSet, Worker } from '../services';
import { within } from '../time/time-limit';

export const MOST_CHANNELS = 16;

export interface ChannelPoolOptions {
  /** How long workers that nobody uses are kept. */
  readonly idleMs: number;
  /** How long a worker may take to open its files and fault in its buffer until another one is tried. */
  readonly openMs: number;
  /** How long a worker may take to close its files until it is ended instead. */
  readonly closeMs: number;
  /** How long `dispose` waits for workers to end, which a system call that does not return can prevent. */
  readonly disposeMs: number;
}

const USUAL: ChannelPoolOptions = { idleMs: 60_000, openMs: 10_000, closeMs: 1_000, disposeMs: 5_000 };

const DOING = 'opening the channels';

/** Starts of a worker that may fail or die before one failure counts. */
const MOST_STARTS = 3;

/** The pool of one program. Nothing is started before it is asked for. */
export function createChannelPool(
  start: (purpose: string) => Promise<Worker>,
  options: Partial<ChannelPoolOptions> = {},
): ChannelPool {
  const { idleMs, openMs, closeMs, disposeMs } = { ...USUAL, ...options };
  const running = new Set<Worker>();
  const idle: Worker[] = [];
  const starting = new Set<Promise<void>>();
  let disposed = false;
  let idleTimer: NodeJS.Timeout | undefined;

  const begin = async (): Promise<Worker> => {
    const worker = await start('copying memory');
    running.add(worker);
    void worker.ended.then(() => {
      running.delete(worker);
      const at = idle.indexOf(worker);
      if (at >= 0) idle.splice(at, 1);
    });
    if (disposed) worker.stop();
    return worker;
  };

  const keepIdle = (worker: Worker): void => {
    if (disposed || !running.has(worker)) {
      worker.stop();
      return;
    }
    idle.push(worker);
    clearTimeout(idleTimer);
    idleTimer = setTimeout(() => {
      for (const old of idle.splice(0)) old.stop();
    }, idleMs);
    idleTimer.unref();
  };

  const warm = (count: number): void => {
    const wanted = Math.min(count, MOST_CHANNELS) - idle.length - starting.size;
    for (let more = disposed ? 0 : wanted; more > 0; more -= 1) {
      // A start that fails is no reason to fail before somebody needs it.
      const one: Promise<void> = begin()
        .then(keepIdle, () => undefined)
        .finally(() => starting.delete(one));
      starting.add(one);
    }
  };

  /** An idle worker, one that is just starting, or a new one. */
  const take = async (): Promise<Worker> => {
    for (;;) {
      const worker = idle.pop();
      if (worker !== undefined) return worker;
      const [first] = starting;
      if (first === undefined) return begin();
      await first;
    }
  };

  /** A worker that is open; one that dies over it is replaced. */
  const openOne = async (setup: ChannelSetup): Promise<{ readonly worker: Worker; readonly opened: ChannelOpened }> => {
    for (let tries = 1; ; tries += 1) {
      const worker = await take();
      try {
        return { worker, opened: await inTime(openMs, worker.api.openChannel(setup)) };
      } catch (error) {
        if (isDeath(error)) worker.stop();
        else await putBack(worker);
        if (!isDeath(error) || disposed || tries >= MOST_STARTS) throw error;
      }
    }
  };

  /** Closes its files and keeps it, or ends it: it may be dead, or held up by a disk. */
  const putBack = async (worker: Worker): Promise<void> => {
    const closed = await within(
      closeMs,
      worker.api.closeChannel().then(() => true),
      false,
    );
    if (closed) keepIdle(worker);
    else worker.stop();
  };

  const open = async (count: number, setup: ChannelSetup): Promise<ChannelSet> => {
    const many = Math.min(Math.max(1, count), MOST_CHANNELS);
    warm(many);
    const results = await Promise.allSettled(Array.from({ length: many }, () => openOne(setup)));
    const opened = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed === undefined) return setOf(opened, setup);
    await Promise.all(opened.map(({ worker }) => putBack(worker)));
    throw failed.reason;
  };

  const setOf = (
    opened: readonly { readonly worker: Worker; readonly opened: ChannelOpened }[],
    setup: ChannelSetup,
  ): ChannelSet => {
    const members = new Set(opened.map(({ worker }) => worker));
    let released: Promise<void> | null = null;
    const release = async (): Promise<void> => {
      await Promise.all([...members].filter((worker) => running.has(worker)).map((worker) => putBack(worker)));
      members.clear();
    };
    return {
      channels: opened.map(({ worker }): Channel => worker),
      directIo: opened.every((one) => one.opened.directIo),
      replace: async () => {
        if (released !== null || disposed) return null;
        const { worker } = await openOne(setup);
        if (released !== null) {
          await putBack(worker);
          return null;
        }
        members.add(worker);
        return worker;
      },
      release: () => (released ??= release()),
    };
  };

  return {
    warm,
    open,
    async dispose() {
      disposed = true;
      clearTimeout(idleTimer);
      const ending = async (): Promise<void> => {
        await Promise.all(starting);
        const all = [...running];
        for (const worker of all) worker.stop();
        await Promise.all(all.map(({ ended }) => ended));
      };
      await within(disposeMs, ending(), undefined);
    },
  };
}

/** A worker that stands still (SIGSTOP, a disk that hangs) is as good as dead to somebody who wants to save now. */
async function inTime<T>(limitMs: number, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const seconds = String(limitMs / 1000);
    timer = setTimeout(() => {
      reject(
        fail('worker.died', DOING, `A worker did not answer within ${seconds} s`, 'Look at the disk, then try again.'),
      );
    }, limitMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

const isDeath = (error: unknown): boolean => error instanceof StillframeError && error.failure.code === 'worker.died';
