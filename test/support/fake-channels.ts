/** For tests of scheduling: a clock that runs as fast as it can, and channels in memory that die and fail when told. */
import type { ChannelApi, CopyExtent, CopyReport, SavedExtent } from '../../src-shared/contracts/channels';
import { fail } from '../../src-shared/contracts/failure';
import type { Clock } from '../../src-shared/multifd/coordination';
import type { Channel } from '../../src-shared/multifd/lane';

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Time that passes only when everybody waits. */
export class VirtualClock implements Clock {
  #now = 0;
  #sequence = 0;
  readonly #timers = new Map<number, { readonly at: number; readonly call: () => void }>();

  now(): number {
    return this.#now;
  }

  after(ms: number, call: () => void): () => void {
    const id = (this.#sequence += 1);
    this.#timers.set(id, { at: this.#now + ms, call });
    return () => void this.#timers.delete(id);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  get waiting(): number {
    return this.#timers.size;
  }

  /** Lets time pass until the work is done; throws when it waits for nothing that could come. */
  async run<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const settled = work.then(
      () => void (done = true),
      () => void (done = true),
    );
    for (;;) {
      // Every promise that can settle now does.
      await new Promise((resolve) => setImmediate(resolve));
      if (done) break;
      const next = [...this.#timers].sort(([a, x], [b, y]) => x.at - y.at || a - b)[0];
      if (next === undefined) throw new Error('waits for ever');
      const [id, { at, call }] = next;
      this.#timers.delete(id);
      this.#now = Math.max(this.#now, at);
      call();
    }
    await settled;
    return work;
  }
}

/** Guest memory and the file, as bytes. */
export interface FakeFiles {
  readonly ram: Uint8Array;
  readonly file: Uint8Array;
  readonly pageSize: number;
}

/** What happens to one batch. */
export interface BatchFate {
  /** How long it takes. */
  readonly ms: number;
  /** `die`: the worker dies half-way; its writes go on landing until it has ended. `fail`: an I/O error half-way. */
  readonly end: 'answer' | 'die' | 'fail' | 'hang';
}

export interface FakeChannel extends Channel {
  /** Whether it does anything that could still change the file. */
  readonly working: boolean;
  readonly stopped: boolean;
  readonly batches: number;
  kill(): void;
}

const died = (): Error => fail('worker.died', 'copying', 'the worker ended: killed', 'Start again.');
export const diskFull = (): Error => fail('file.no-space', 'writing', 'the disk is full', 'Make room.');

/** A channel over bytes in memory: real copies, page by page, with the time and the end that `fate` says. */
export function fakeChannel(clock: VirtualClock, files: FakeFiles, fate: () => BatchFate): FakeChannel {
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const pending = new Set<(error: Error) => void>();
  let state: 'alive' | 'dying' | 'ended' = 'alive';
  let inHand = 0;
  let batches = 0;
  let stopped = false;
  let turn = Promise.resolve();

  const die = (): void => {
    if (state !== 'alive') return;
    state = 'dying';
    for (const reject of pending) reject(died());
    pending.clear();
    // A killed process still finishes the system call it is in.
    void clock.sleep(5).then(() => {
      state = 'ended';
      end();
    });
  };

  const work = async (batch: readonly CopyExtent[]): Promise<CopyReport> => {
    const { ms, end: how } = fate();
    const saved: SavedExtent[] = [];
    const startedAt = clock.now();
    let [pages, bytes] = [0, 0];
    for (const [at, extent] of batch.entries()) {
      await clock.sleep(ms / batch.length);
      if (state === 'ended') throw died();
      const half = at === Math.floor(batch.length / 2);
      if (half && how === 'fail') throw diskFull();
      if (half && how === 'hang') await new Promise<never>(() => undefined);
      if (half && how === 'die') {
        die();
        // The write that was under way lands all the same, before the process has ended.
        await clock.sleep(2);
      }
      const one = copyPages(files, extent);
      saved.push(one.saved);
      pages += one.pages;
      bytes += one.bytes;
    }
    return { saved, pages, bytes, cpuMs: ms, busyMs: clock.now() - startedAt };
  };

  const api: ChannelApi = {
    openChannel: () => Promise.resolve({ directIo: true, hugePages: true }),
    closeChannel: () => Promise.resolve(),
    copyExtents: (batch) =>
      new Promise((resolve, reject) => {
        if (state !== 'alive') {
          reject(died());
          return;
        }
        pending.add(reject);
        batches += 1;
        turn = turn.then(async () => {
          if (state !== 'alive') return;
          inHand += 1;
          await work(batch).then(resolve, reject);
          inHand -= 1;
          pending.delete(reject);
        });
      }),
  };
  return {
    api,
    ended,
    stop: () => {
      stopped = true;
      die();
    },
    kill: die,
    get working() {
      return state !== 'ended' && inHand > 0;
    },
    get stopped() {
      return stopped;
    },
    get batches() {
      return batches;
    },
  };
}

/** Copies the pages of an extent that are not zero. */
function copyPages(
  { ram, file, pageSize }: FakeFiles,
  extent: CopyExtent,
): { readonly saved: SavedExtent; readonly pages: number; readonly bytes: number } {
  const count = extent.length / pageSize;
  const present = new Uint8Array(Math.ceil(count / 8));
  let pages = 0;
  const zeros = Buffer.alloc(pageSize);
  const asked = (page: number): boolean => (((extent.mask?.[page >> 3] ?? 0xff) >> (page & 7)) & 1) === 1;
  for (let page = 0; page < count; page += 1) {
    const from = extent.ramOffset + page * pageSize;
    const bytes = ram.subarray(from, from + pageSize);
    if (!asked(page) || zeros.equals(bytes)) continue;
    file.set(bytes, extent.fileOffset + page * pageSize);
    present[page >> 3] = (present[page >> 3] ?? 0) | (1 << (page & 7));
    pages += 1;
  }
  const digests = new Uint8Array(extent.mask === undefined ? Math.ceil(extent.length / 2 ** 20) * 8 : 0).fill(1);
  return { saved: { present, digests }, pages, bytes: pages * pageSize };
}
