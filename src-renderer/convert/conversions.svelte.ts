import type { AppApi } from '@shared/contracts/app';
import type { ConversionId, ConversionJob, ConversionOptions } from '@shared/contracts/conversions';
import { failureOf, type Failure } from '@shared/contracts/failure';
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import type { Dialogs } from '../app/dialogs.svelte';
import type { Navigation } from '../app/navigation.svelte';
import type { Toasts } from '../app/toasts.svelte';
import { conversions, on } from '../lib/client';
import { conversionLine, nameOfPath } from './words';

interface Needs {
  readonly api: AppApi;
  readonly navigation: Navigation;
  readonly dialogs: Dialogs;
  readonly toasts: Toasts;
}

/** The conversions of this session: shown in the Library until they are put away, and in the Inspector those of its file. */
export class Conversions {
  #list = $state.raw<readonly ConversionJob[]>([]);
  readonly #dismissed = new SvelteSet<ConversionId>();
  readonly #cancelFailures = new SvelteMap<ConversionId, Failure>();
  readonly #needs: Needs;

  /** What is open in the Inspector: its conversions are shown there. */
  inspected: ConversionOptions['source'] | null = null;

  constructor(needs: Needs) {
    this.#needs = needs;
    conversions.subscribe((list) => (this.#list = list));
    on('conversion', ({ job }) => this.#see(job));
  }

  /** Newest first. */
  get shown(): readonly ConversionJob[] {
    return this.#list.filter(({ id }) => !this.#dismissed.has(id));
  }

  /** Those of one file or snapshot. */
  shownOf(source: ConversionOptions['source']): readonly ConversionJob[] {
    return this.shown.filter(({ options }) => isSame(options.source, source));
  }

  get running(): readonly ConversionJob[] {
    return this.#list.filter(({ outcome }) => outcome === null);
  }

  cancelFailure(id: ConversionId): Failure | null {
    return this.#cancelFailures.get(id) ?? null;
  }

  /** Asks for a file and opens the form for it. */
  async chooseSource(): Promise<void> {
    const path = await this.#needs.api.shell.chooseFile('convert');
    if (path !== null)
      this.#needs.dialogs.open({ kind: 'convert', source: { path }, name: nameOfPath(path), mapped: false });
  }

  /** The source stays, so nothing is lost by it and nobody is asked. */
  async cancel(job: ConversionJob): Promise<void> {
    this.#cancelFailures.delete(job.id);
    try {
      await this.#needs.api.conversions.cancel(job.id);
    } catch (error) {
      this.#cancelFailures.set(job.id, failureOf(error, 'cancelling the conversion'));
    }
  }

  dismiss(job: ConversionJob): void {
    this.#dismissed.add(job.id);
  }

  #see(job: ConversionJob): void {
    const { navigation, toasts } = this.#needs;
    if (job.outcome?.kind !== 'done' || navigation.room === 'library') return;
    const { inspected } = this;
    if (navigation.room === 'inspector' && inspected !== null && isSame(job.options.source, inspected)) return;
    toasts.add(conversionLine(job), { text: 'Show', run: () => navigation.go('library') });
  }
}

const isSame = (one: ConversionOptions['source'], other: ConversionOptions['source']): boolean =>
  'path' in one ? 'path' in other && one.path === other.path : 'snapshot' in other && one.snapshot === other.snapshot;
