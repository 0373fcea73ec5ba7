/**
 * A VM, a library and a way to let something happen at a random instant of a chosen phase of a save.
 *
 * The instants are drawn from a seeded generator; STILLFRAME_SEED repeats a run. A fault that came after its phase had
 * ended does not count: the trial is repeated, so that the phase that is asserted is the phase that was hit.
 */
import { readdir, rm } from 'node:fs/promises';
import { expect } from 'vitest';
import type { SnapshotEntry } from '../../../src-shared/contracts/library';
import type { Machine, NewMachine } from '../../../src-shared/contracts/machines';
import type { SaveJob, SaveOptions, SavePhase } from '../../../src-shared/contracts/saves';
import { SEALED } from '../../../src-main/snapshots/save/seal';
import { hasEnded } from '../../support/processes';
import {
  openTestServices,
  saveOptions,
  startMachine,
  type BuiltWorker,
  type TestServices,
} from '../../support/services';
import { readVmState, type VmState } from '../../support/vm-state';

export const PHASES: readonly SavePhase[] = ['preparing', 'writing', 'flushing', 'sealing'];
export const TRIALS = 20;
/** Time limit of a test with that many saves, on a machine that has other things to do. */
export const LIMIT_MS = 240_000;
/** Steps of each phase that every save goes through. */
const STEPS: Readonly<Record<SavePhase, number>> = { preparing: 2, writing: 3, flushing: 3, sealing: 3 };
/** An instant in the middle of a phase shorter than this mostly comes too late. */
const SHORT_MS = 10;
/** A phase of 5 ms is missed now and then. */
const MOST_ATTEMPTS = TRIALS * 6;

export const seed = Number(process.env['STILLFRAME_SEED'] ?? Date.now() % 1_000_000);

/** mulberry32: small, seeded, good enough to spread instants. */
function generator(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Waits `milliseconds`, also fractions of one, without holding up the loop. */
async function wait(milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds;
  if (milliseconds > 4) await new Promise((resolve) => setTimeout(resolve, milliseconds - 2));
  while (performance.now() < end) await new Promise((resolve) => setImmediate(resolve));
}

export interface Trial {
  /** The save as it ended. */
  readonly job: SaveJob;
  /** What it showed at the instant of the fault. */
  readonly hit: SaveJob;
}

export class Rig {
  readonly #random = generator(seed);
  readonly #seen: Record<SavePhase, number> = { preparing: 4, writing: 30, flushing: 20, sealing: 4 };
  #onPhase: (phase: SavePhase, job: SaveJob) => Promise<void> = () => Promise.resolve();
  machine!: Machine;

  private constructor(readonly services: TestServices) {}

  static async open(folder: string, worker: BuiltWorker, library?: string): Promise<Rig> {
    let rig: Rig | null = null;
    const services = await openTestServices({
      folder,
      worker,
      ...(library === undefined ? {} : { library }),
      saveHooks: { onPhase: (phase, _, job) => rig?.enter(phase, job) },
    });
    rig = new Rig(services);
    return rig;
  }

  /** Starts the VM that is saved. */
  async start(machine: NewMachine): Promise<Machine> {
    this.machine = await startMachine(this.services, machine);
    return this.machine;
  }

  /** The services' hook: a step of a save begins. */
  enter(phase: SavePhase, job: SaveJob): Promise<void> {
    return this.#onPhase(phase, job);
  }

  get tools(): string {
    if (this.machine.toolsQmp === null) throw new Error('the machine has no second monitor');
    return this.machine.toolsQmp;
  }

  /**
   * Saves once and lets `fault` happen within `phase`; null when the phase was over before the instant came. Some of
   * the instants are spread over the phase's length as it was in the saves before, the others hit the very beginning of one
   * of its steps, which waits for it: a phase of 2 ms would hardly be hit otherwise.
   */
  async tryOnce(
    phase: SavePhase,
    change: Partial<SaveOptions>,
    fault: (job: SaveJob) => unknown,
  ): Promise<Trial | null> {
    let hit: SaveJob | null = null;
    /** Set once the instant has been chosen; resolves when the fault has happened, or could not any more. */
    const struck: Promise<void>[] = [];
    let stepsToGo = Math.floor(this.#random() * STEPS[phase]);
    const atStep = this.#random() < (this.#seen[phase] < SHORT_MS ? 0.9 : 0.5);
    const strike = async (id: SaveJob['id']): Promise<void> => {
      const now = (await this.services.saves.jobs()).find((job) => job.id === id);
      if (now?.outcome !== null || now.progress.phase !== phase || now.progress.step === SEALED) return;
      hit = now;
      await fault(now);
    };
    this.#onPhase = async (entered, { id }) => {
      if (entered !== phase || struck.length > 0) return;
      if (!atStep) {
        struck.push(wait(this.#random() * this.#seen[phase]).then(() => strike(id)));
      } else if (stepsToGo-- === 0) {
        const now = strike(id);
        struck.push(now);
        // A cancel ends only after the step that waits here has.
        await Promise.race([now, wait(30)]);
      }
    };
    const { id } = await this.services.saves.begin(
      saveOptions(this.machine.id, { engine: 'native', directIo: false, ...change }),
    );
    const job = await this.services.saves.finished(id);
    await Promise.all(struck);
    this.#onPhase = () => Promise.resolve();
    if (job.outcome?.kind === 'saved') this.#learn(job.progress.phaseMs);
    return hit === null ? null : { job, hit };
  }

  /** TRIALS hits of a phase, the kinds of save in turn; `after` judges each and cleans up. null: the phase was missed. */
  async inPhase(
    phase: SavePhase,
    kinds: readonly Partial<SaveOptions>[],
    fault: (job: SaveJob) => unknown,
    after: (trial: Trial | null) => Promise<void>,
  ): Promise<void> {
    for (let hits = 0, attempts = 0; hits < TRIALS; attempts += 1) {
      if (attempts === MOST_ATTEMPTS)
        throw new Error(`${phase} was hit ${String(hits)} times in ${String(attempts)} saves`);
      const trial = await this.tryOnce(phase, kinds[attempts % kinds.length] ?? {}, fault);
      if (trial !== null) {
        expect(trial.hit.progress.phase).toBe(phase);
        hits += 1;
      }
      await after(trial);
    }
  }

  #learn(phaseMs: Readonly<Record<SavePhase, number>>): void {
    for (const phase of PHASES) this.#seen[phase] = 0.8 * this.#seen[phase] + 0.2 * phaseMs[phase];
  }

  async entries(): Promise<readonly SnapshotEntry[]> {
    return (await this.services.library.overview()).entries;
  }

  vmState(): Promise<VmState> {
    return readVmState(this.tools);
  }

  /** Nothing of a save is left: no unfinished folder, no open file, no worker. */
  async expectNothingLeft(): Promise<void> {
    const { places, files, startedWorkers } = this.services;
    expect((await readdir(places.library)).filter((name) => name.startsWith('.'))).toEqual([]);
    expect(files.openCount()).toBe(0);
    for (const { pid, isChannel } of startedWorkers)
      if (pid !== null && !isChannel) expect(await hasEnded(pid, 3000)).toBe(true);
  }

  /** Removes every snapshot, so that the next trial starts from an empty library. */
  async emptyLibrary(): Promise<void> {
    for (const { folder } of await this.entries()) await rm(folder, { recursive: true });
  }
}
