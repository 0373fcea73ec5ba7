/** An open file compared with another one: how far it is, what differs, and the place that both are shown at. */
import type { DeviceDiff } from '@shared/contracts/diff';
import { failureOf, type Failure } from '@shared/contracts/failure';
import type { CompareBegun, ComparedStep, InspectorCompareApi } from '@shared/contracts/inspector-compare';
import { diffLayout, type LayoutDiff } from '@shared/diff/layout';
import { unlikeness } from '@shared/diff/likeness';
import type { InspectorTarget } from '../room.svelte';
import { PairState, type PairFile } from './pair-state.svelte';
import type { PairBlock } from './pair-rows';
import { RunList, type BlockRun } from './run-list.svelte';
import type { Progress } from './words';

/** What is needed of the other file: it stays open for as long as it is compared with. */
export interface OtherFile extends PairFile {
  readonly session: { readonly id: string; readonly name: string; readonly path: string };
  /** What it was opened as. */
  readonly source: InspectorTarget;
  /** Why it cannot be read any more. */
  readonly failure: Failure | null;
  close(): Promise<void>;
}

/** How often a page's change is asked for anew while the comparison runs. */
const REFRESH_MS = 1000;

export class Comparison {
  readonly other: OtherFile;
  readonly #api: InspectorCompareApi;
  readonly #onMoved: () => void;

  /** What is compared; null until the files are open. */
  begun = $state.raw<CompareBegun | null>(null);
  /** What is known by now. */
  step = $state.raw<ComparedStep | null>(null);
  running = $state(false);
  /** Why the pages could not be compared. */
  failure = $state.raw<Failure | null>(null);
  milliseconds = $state(0);
  /** null until all are known. */
  devices = $state.raw<readonly DeviceDiff[] | null>(null);
  devicesFailure = $state.raw<Failure | null>(null);
  readonly runs: RunList;
  readonly pair: PairState;
  /** What differs in the structure of the files; null when one of them is no readable stream. */
  readonly layout: LayoutDiff | null;
  /** Why they may not be of one VM, as sentences. */
  readonly unlikeness: readonly string[];
  /** The latest run; one that was stopped, or gave way, asks for nothing more. */
  #turn = 0;
  #closed = false;

  readonly progress: Progress = $derived({
    done: this.step?.comparedBytes ?? 0,
    bytes: this.begun?.bytes ?? 0,
    milliseconds: this.milliseconds,
  });
  /** Pages that differ, as far as is known. */
  readonly differing: number = $derived(
    (this.step?.blocks ?? []).reduce((sum, { added, removed, changed }) => sum + added + removed + changed, 0),
  );
  /** It was stopped, and the rest can be compared. */
  readonly stopped: boolean = $derived.by(
    () => !this.running && this.failure === null && this.other.failure === null && this.step?.done !== true,
  );

  /** `onMoved`: called when more, or nothing any more, is known of pages that differ. */
  constructor(api: InspectorCompareApi, file: PairFile, other: OtherFile, onMoved: () => void) {
    const onFailure = (error: unknown): void => {
      this.failure ??= failureOf(error, 'comparing two files');
    };
    this.#api = api;
    this.#onMoved = onMoved;
    this.other = other;
    this.runs = new RunList(api, onFailure);
    this.pair = new PairState(api, [file, other], onFailure);
    const [a, b] = [file.file.report, other.file.report];
    this.layout = a === null || b === null ? null : diffLayout(a, b);
    this.unlikeness = a === null || b === null ? [] : unlikeness(a, b);
  }

  /** What the other file is called. */
  get name(): string {
    return this.other.session.name;
  }

  /** A block as both panes show it; null when it is not compared. */
  block(name: string): PairBlock | null {
    const found = this.begun?.blocks.find((block) => block.name === name);
    if (found === undefined) return null;
    return { name, pageSize: found.pageSize, pages: Math.max(found.pagesA ?? 0, found.pagesB ?? 0) };
  }

  /** Compares devices and then pages, each from where it was stopped. Resolves when all is known, it failed, or was stopped. */
  async run(): Promise<void> {
    const turn = (this.#turn += 1);
    const dropped = (): boolean => turn !== this.#turn;
    this.running = true;
    try {
      await this.#compareDevices(dropped);
      await this.#comparePages(dropped);
    } catch (error) {
      if (!this.#closed) this.failure = failureOf(error, 'comparing two files');
    } finally {
      if (!dropped()) this.running = false;
    }
  }

  /** Ends comparing until it is run again; what was found stays, and so does the other file. */
  stop(): void {
    this.#turn += 1;
    this.running = false;
    this.pair.refresh();
  }

  /** Ends comparing and closes the other file. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#turn += 1;
    await this.#api.endCompare().catch(() => undefined);
    this.#onMoved();
    await this.other.close().catch(() => undefined);
  }

  /** Shows a run in both panes, at its first difference. */
  open({ block, page }: BlockRun): void {
    const found = this.block(block);
    if (found === null) return;
    this.pair.goTo(found, page * found.pageSize);
    void this.pair.goToFirst();
  }

  async #compareDevices(dropped: () => boolean): Promise<void> {
    if (this.devices !== null || this.devicesFailure !== null) return;
    const found: DeviceDiff[] = [];
    try {
      for (let total = 1; found.length < total;) {
        const some = await this.#api.comparedDevices(this.other.session.id, found.length);
        if (dropped()) return;
        found.push(...some.devices);
        total = some.devices.length === 0 ? 0 : some.total;
      }
      this.devices = found;
    } catch (error) {
      if (!this.#closed) this.devicesFailure = failureOf(error, 'comparing the devices');
    }
  }

  async #comparePages(dropped: () => boolean): Promise<void> {
    if (dropped()) return;
    if (this.begun === null) {
      const begun = await this.#api.beginCompare(this.other.session.id);
      if (dropped()) return;
      this.begun = begun;
    }
    const began = performance.now() - this.milliseconds;
    let refreshed = performance.now();
    for (let done = false; !done && !dropped();) {
      const step = await this.#api.nextCompared();
      // What was found counts also when it was stopped meanwhile.
      if (this.#closed) return;
      this.milliseconds = performance.now() - began;
      this.#take(step);
      ({ done } = step);
      if (done || dropped() || performance.now() - refreshed > REFRESH_MS) {
        this.pair.refresh();
        refreshed = performance.now();
      }
    }
  }

  #take(step: ComparedStep): void {
    this.step = step;
    this.runs.learn(step.blocks);
    this.#onMoved();
    this.#showFirst(step);
  }

  /** The panes begin where the files first differ; where they are the same, at the first block. */
  #showFirst(step: ComparedStep): void {
    if (this.pair.block !== null) return;
    const first = step.blocks.find(({ runs }) => runs > 0) ?? (step.done ? step.blocks[0] : undefined);
    const block = first === undefined ? null : this.block(first.name);
    if (block === null) return;
    this.pair.goTo(block, 0);
    if ((first?.runs ?? 0) > 0) void this.pair.goToFirst();
  }
}
