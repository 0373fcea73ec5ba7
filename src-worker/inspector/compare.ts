/** Comparing an inspector's file with another one: see `InspectorCompareApi`. */
import { PAGE_CHANGES, type DeviceDiff, type UnitDiff } from '@shared/contracts/diff';
import { fail, type StillframeError } from '@shared/contracts/failure';
import {
  MAX_DEVICE_FIELDS,
  MAX_RUNS,
  MAX_VALUE,
  type CompareBegun,
  type ComparedBlock,
  type ComparedRun,
  type ComparedStep,
  type InspectorCompareApi,
} from '@shared/contracts/inspector-compare';
import type { Lease } from '@shared/contracts/lease';
import type { RamRange } from '@shared/contracts/library';
import { AddressSummary } from '@shared/diff/by-address';
import { diffUnits } from '@shared/diff/drive';
import type { InspectorPages } from './pages/pages';
import { RunStore } from './run-store';
import type { InspectorThreads, ThreadApi } from './threads';

/** A step is answered after so long. */
const STEP_MS = 200;
/** Most runs that are kept of all blocks together. */
const MOST_RUNS = 1_000_000;
const DOING = 'comparing two files';

export interface InspectorCompare {
  readonly api: InspectorCompareApi;
  /** Lends the file of another session, or takes it back: null. */
  introduce(session: string, lease: Lease | null): void;
  /** Ends the comparison under way. */
  dispose(): void;
}

/** What keeps the facts of this file's pages. */
type Pages = Pick<InspectorPages, 'setChanged' | 'clearChanged'>;

/**
 * Makes the comparison for one file. `ramMap`: from the snapshot's manifest; `pages` are told which differ. `mostRuns`: a test's
 * own limit.
 */
export function createInspectorCompare(
  lease: Lease,
  ramMap: readonly RamRange[],
  threads: Pick<InspectorThreads, 'apis'>,
  pages: Pages,
  mostRuns = MOST_RUNS,
): InspectorCompare {
  const others = new Map<string, Lease>();
  let current: Comparison | null = null;
  let devices: { readonly other: string; readonly all: Promise<readonly DeviceDiff[]> } | null = null;
  /** Beginning and ending follow one another: each thread has at most one pair of files open. */
  let before: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = before.then(work);
    before = done.catch(() => undefined);
    return done;
  };

  const end = async (): Promise<void> => {
    const ending = current;
    current = null;
    await ending?.end();
    if (ending !== null) await pages.clearChanged().catch(() => undefined);
  };
  const begin = async (other: string, lent: Lease): Promise<CompareBegun> => {
    await end();
    const workers = threads.apis();
    const [first] = workers;
    if (first === undefined) throw new RangeError('no thread compares');
    const [plans, { map }] = await Promise.all([
      Promise.all(workers.map((worker) => worker.openDiff(lease, lent, null))),
      first.ramMap(lease, ramMap),
    ]);
    const [plan] = plans;
    if (plan === undefined) throw new RangeError('no thread compares');
    current = new Comparison(other, workers, plan, map, pages, mostRuns);
    return { bytes: plan.bytes, blocks: plan.blocks, apart: plan.apart };
  };
  const leaseOf = (other: unknown): Lease => {
    const found = typeof other === 'string' ? others.get(other) : undefined;
    if (found !== undefined) return found;
    throw fail('usage', DOING, 'the other file is not open', 'Open it again.');
  };

  const api: InspectorCompareApi = {
    beginCompare: async (other) => {
      const lent = leaseOf(other);
      return inTurn(() => begin(other, lent));
    },

    nextCompared: async () => (await current?.next()) ?? NOTHING,

    comparedRuns: async (block, from, count) => {
      const runs = current?.runsOf(textOf(block));
      const start = whole(from, 'from');
      const found: ComparedRun[] = [];
      for (let index = start; index < start + Math.min(whole(count, 'count'), MAX_RUNS); index += 1) {
        const run = runs?.at(index) ?? null;
        if (run === null) break;
        found.push(run);
      }
      return found;
    },

    comparedRun: async (block, page, direction) => {
      if (direction !== 1 && direction !== -1) throw refusal('direction', '1 or -1');
      return current?.runsOf(textOf(block))?.near(whole(page, 'page'), direction) ?? null;
    },

    comparedDevices: async (other, from) => {
      const start = whole(from, 'from');
      const lent = leaseOf(other);
      const [first] = threads.apis();
      if (first === undefined) throw new RangeError('no thread compares');
      if (devices?.other !== other) devices = { other, all: first.diffDevices(lease, lent) };
      const all = await devices.all.catch((error: unknown) => {
        devices = null;
        throw error;
      });
      return { devices: someDevices(all, start), total: all.length };
    },

    endCompare: () => inTurn(end),
  };

  return {
    api,
    introduce(session, lent) {
      if (lent !== null) {
        others.set(session, lent);
        return;
      }
      others.delete(session);
      if (devices?.other === session) devices = null;
      const losing = current?.other === session ? current : null;
      losing?.lose();
      if (losing !== null) void inTurn(() => losing.end());
    },
    dispose: () => void current?.end(),
  };
}

const NONE = { added: 0, removed: 0, changed: 0 };
const NOTHING: ComparedStep = { comparedBytes: 0, blocks: [], addresses: [], elsewhere: NONE, done: true };

/** What is found of a block. */
interface Found {
  readonly name: string;
  readonly runs: RunStore;
  added: number;
  removed: number;
  changed: number;
  unlisted: number;
}

/** One comparison: what is under way, and what it found so far. */
class Comparison {
  readonly other: string;
  readonly #workers: readonly ThreadApi[];
  readonly #units: AsyncGenerator<UnitDiff>;
  readonly #blocks: ReadonlyMap<string, Found>;
  readonly #addresses: AddressSummary;
  readonly #pages: Pages;
  /** Pages of each block in this file; 0 where only the other has it. */
  readonly #own: ReadonlyMap<string, number>;
  readonly #mostRuns: number;
  #listed = 0;
  #comparedBytes = 0;
  #done = false;
  #cancelled = false;
  /** Why it goes no further: whoever asks again is told again, since what was found is not all. */
  #failed: { readonly why: unknown } | null = null;

  constructor(
    other: string,
    workers: readonly ThreadApi[],
    plan: CompareBegun & { readonly units: number },
    map: readonly RamRange[],
    pages: Pages,
    mostRuns: number,
  ) {
    this.other = other;
    this.#workers = workers;
    this.#pages = pages;
    this.#own = new Map(plan.blocks.map(({ name, pagesA }) => [name, pagesA ?? 0]));
    this.#mostRuns = mostRuns;
    this.#units = diffUnits(workers, plan, () => this.#cancelled);
    this.#blocks = new Map(
      plan.blocks.map(({ name }) => [
        name,
        { name, runs: new RunStore(), added: 0, removed: 0, changed: 0, unlisted: 0 },
      ]),
    );
    this.#addresses = new AddressSummary(map, plan.blocks);
  }

  runsOf(block: string): RunStore | undefined {
    return this.#blocks.get(block)?.runs;
  }

  async next(): Promise<ComparedStep> {
    try {
      await this.#goOn();
    } catch (error) {
      this.#failed ??= { why: error };
      throw this.#failed.why;
    }
    return {
      comparedBytes: this.#comparedBytes,
      blocks: [...this.#blocks.values()].map(({ runs, ...found }): ComparedBlock => ({ ...found, runs: runs.length })),
      addresses: this.#addresses.ranges,
      elsewhere: this.#addresses.elsewhere,
      done: this.#done,
    };
  }

  /** The other file is closed: what is not compared by now stays so, and whoever asks for it is told why. */
  lose(): void {
    if (this.#done) return;
    const why = fail('usage', DOING, 'the other file was closed before all was compared', 'Compare with it once more.');
    this.#failed ??= { why };
  }

  async end(): Promise<void> {
    this.#cancelled = true;
    await this.#units.return(undefined).catch(() => undefined);
    await this.#close();
  }

  #refuseFailed(): void {
    if (this.#failed !== null) throw this.#failed.why;
  }

  async #goOn(): Promise<void> {
    this.#refuseFailed();
    const until = performance.now() + STEP_MS;
    while (!this.#done && performance.now() < until) {
      const step = await this.#units.next();
      this.#refuseFailed();
      if (step.done === true) {
        this.#done = true;
        await this.#close();
      } else await this.#take(step.value);
    }
  }

  async #take(unit: UnitDiff): Promise<void> {
    this.#comparedBytes += unit.bytes;
    this.#addresses.add(unit);
    const block = this.#blocks.get(unit.block);
    if (block === undefined) return;
    const own = this.#own.get(unit.block) ?? 0;
    const marked: [number, number][] = [];
    for (let at = 0; at + 2 < unit.runs.length; at += 3) {
      const [page, count] = [unit.runs[at] ?? 0, unit.runs[at + 1] ?? 0];
      const change = PAGE_CHANGES[unit.runs[at + 2] ?? 0] ?? 'changed';
      const before = block.runs.length;
      if (!block.runs.add(page, count, change, this.#listed < this.#mostRuns)) block.unlisted += count;
      this.#listed += block.runs.length - before;
      block[change] += count;
      if (page < own) marked.push([page, count]);
    }
    // Where the facts cannot be kept, whoever asks for them is told why.
    if (marked.length > 0) await this.#pages.setChanged(unit.block, marked).catch(() => undefined);
  }

  /** Lets go of the files. */
  async #close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.closeDiff().catch(() => undefined)));
  }
}

/** As many devices as one answer takes, at least one; long texts are cut. */
function someDevices(all: readonly DeviceDiff[], from: number): readonly DeviceDiff[] {
  const some: DeviceDiff[] = [];
  let fields = 0;
  for (const device of all.slice(from)) {
    // A device without fields takes a place, too.
    fields += device.fields.length + 1;
    if (some.length > 0 && fields > MAX_DEVICE_FIELDS) break;
    some.push({
      ...device,
      fields: device.fields.map(({ field, a, b }) => ({ field: cut(field), a: cut(a), b: cut(b) })),
    });
  }
  return some;
}

/** A text of a bounded length; what is no text stays. */
const cut = <T>(value: T): T | string =>
  typeof value === 'string' && value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}…` : value;

// --- arguments: they come from another process ---------------------------------------------------------------------

const refusal = (name: string, must: string): StillframeError =>
  fail('worker.refused', DOING, `${name} must be ${must}`, 'Report this; it is a fault in Stillframe.');

function whole(value: unknown, name: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw refusal(name, '0 … 2^53 − 1');
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw refusal('block', 'a text');
}
