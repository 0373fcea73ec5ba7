import type { AppApi } from '@shared/contracts/app';
import { failureOf, type Failure } from '@shared/contracts/failure';
import type { Machine } from '@shared/contracts/machines';
import type { JobId, SaveJob } from '@shared/contracts/saves';
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import type { Dialogs } from '../app/dialogs.svelte';
import type { Navigation } from '../app/navigation.svelte';
import type { Toasts } from '../app/toasts.svelte';
import { jobs, on } from '../lib/client';
import { withSample, type Sample } from './history';
import { withLanes, type LaneTrace } from './lanes';
import { cancelWords, jobLine } from './words';

interface Needs {
  readonly api: AppApi;
  readonly navigation: Navigation;
  readonly dialogs: Dialogs;
  readonly toasts: Toasts;
}

const NO_SAMPLES: readonly Sample[] = [];
const NO_LANES: readonly LaneTrace[] = [];

/** The saves of this session: running ones, and those that ended since the app started. */
export class Saves {
  /** Newest first. */
  list = $state.raw<readonly SaveJob[]>([]);
  /** Ended jobs that the person has looked at. */
  readonly seen = new SvelteSet<JobId>();
  readonly #samples = new SvelteMap<JobId, readonly Sample[]>();
  readonly #lanes = new SvelteMap<JobId, readonly LaneTrace[]>();
  readonly #cancelFailures = new SvelteMap<JobId, Failure>();
  readonly #ended = new Set<JobId>();
  /** The job that the person is being asked about. */
  #asking: JobId | null = null;
  readonly #needs: Needs;

  constructor(needs: Needs) {
    this.#needs = needs;
    jobs.subscribe((list) => (this.list = list));
    on('save', ({ job }) => this.#see(job));
  }

  get running(): readonly SaveJob[] {
    return this.list.filter(({ outcome }) => outcome === null);
  }

  find(id: JobId): SaveJob | null {
    return this.list.find((job) => job.id === id) ?? null;
  }

  /** The save that a machine is in the middle of. */
  of(machine: Machine): SaveJob | null {
    return machine.saving === null ? null : this.find(machine.saving);
  }

  samples(id: JobId): readonly Sample[] {
    return this.#samples.get(id) ?? NO_SAMPLES;
  }

  /** Where each of our channels has written. */
  lanes(id: JobId): readonly LaneTrace[] {
    return this.#lanes.get(id) ?? NO_LANES;
  }

  cancelFailure(id: JobId): Failure | null {
    return this.#cancelFailures.get(id) ?? null;
  }

  /** Asks once, then cancels. */
  async askToCancel(job: SaveJob): Promise<void> {
    if (job.outcome !== null || job.cancelling) return;
    this.#asking = job.id;
    const yes = await this.#needs.dialogs.ask({
      title: `Cancel the save of ${job.machineName}?`,
      body: cancelWords(job),
      act: 'Cancel save',
      keep: 'Keep saving',
    });
    this.#asking = null;
    if (!yes) return;
    this.#cancelFailures.delete(job.id);
    try {
      await this.#needs.api.saves.cancel(job.id);
    } catch (error) {
      this.#cancelFailures.set(job.id, failureOf(error, 'cancelling the save'));
    }
  }

  #see(job: SaveJob): void {
    this.#samples.set(job.id, withSample(this.samples(job.id), job.progress));
    this.#lanes.set(job.id, withLanes(this.lanes(job.id), job.progress));
    if (job.outcome === null || this.#ended.has(job.id)) return;
    this.#ended.add(job.id);
    // The question whether to cancel it has no answer any more.
    if (this.#asking === job.id) this.#needs.dialogs.asked?.answer(false);
    const { navigation, toasts } = this.#needs;
    const looking = navigation.room === 'machines' && navigation.job === job.id;
    if (job.outcome.kind === 'saved' && !looking) {
      toasts.add(jobLine(job), { text: 'Show', run: () => navigation.showJob(job.id) });
    }
  }
}
