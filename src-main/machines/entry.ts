/** One machine in the list, running or not. */
import { fail, type Failure, type StillframeError } from '@shared/contracts/failure';
import type { Machine, MachineFacts, MachineId, MachineState, Recipe } from '@shared/contracts/machines';
import type { SaveJob } from '@shared/contracts/saves';
import type { Crash, KnownMachine } from './known';
import type { LiveVm } from './live';
import type { RunRecord } from './run-folder';
import { Thumbnail } from './thumbnails';

/** Saves made of a machine, as the library knows them. */
export interface SavesOf {
  readonly lastSave: Machine['lastSave'];
  readonly snapshotCount: number;
}

export class MachineEntry {
  readonly thumbnail: Thumbnail;
  recipe: Recipe | null = null;
  facts: MachineFacts | null = null;
  live: LiveVm | null = null;
  /** The run folder's record while it is started by Stillframe. */
  record: RunRecord | null = null;
  /** The folder for pictures while it runs. */
  folder: string | null = null;
  /** Somebody is starting it: this Stillframe or another. */
  starting: 'here' | 'elsewhere' | null = null;
  saving: SaveJob['id'] | null = null;
  crash: Crash | null = null;
  /** Why the last start failed; kept until the next one. */
  startFailure: Failure | null = null;
  attachedTo: string | null = null;
  private shownState: MachineState = 'off';
  private since: string;

  constructor(
    readonly id: MachineId,
    public name: string,
    public origin: Machine['origin'],
    since: string = new Date().toISOString(),
  ) {
    this.since = since;
    this.thumbnail = new Thumbnail(id);
  }

  static fromKnown(known: KnownMachine): MachineEntry {
    const entry = new MachineEntry(known.id, known.name, 'started', known.since);
    entry.recipe = known.recipe;
    entry.facts = known.facts;
    entry.crash = known.crash;
    return entry;
  }

  get state(): MachineState {
    if (this.live !== null) return this.live.state;
    return this.starting === null ? 'off' : 'starting';
  }

  /** The form in which it is kept; null for one that was only attached. */
  toKnown(): KnownMachine | null {
    if (this.recipe === null || this.origin === 'attached') return null;
    const { id, name, recipe, crash } = this;
    return { id, name, recipe, facts: this.live?.facts ?? this.facts, since: this.stateSince(), crash };
  }

  toMachine(saves: SavesOf): Machine {
    return {
      id: this.id,
      name: this.name,
      origin: this.origin,
      state: this.state,
      pid: this.live?.identity?.pid ?? null,
      qmp: this.live === null ? null : (this.record?.sockets.qmp ?? this.attachedTo),
      toolsQmp: this.live === null ? null : (this.record?.sockets.tools ?? null),
      facts: this.live?.facts ?? this.facts,
      recipe: this.recipe,
      saving: this.saving,
      frame: this.thumbnail.frame,
      since: this.stateSince(),
      ...saves,
      privateRam: this.live === null ? null : (this.record?.privateRam ?? null),
      trouble: this.trouble(),
    };
  }

  /** Throws `machine.wrong-state` while the machine is being saved. */
  refuseWhileSaving(doing: string): void {
    if (this.saving === null) return;
    throw this.wrongState(doing, `${this.name} is being saved`, 'Wait until the save has ended, or cancel it.');
  }

  wrongState(doing: string, what: string, todo: string): StillframeError {
    return fail('machine.wrong-state', doing, what, todo);
  }

  /** For a VM found running: nobody here saw when it entered its state, so the time of its start stands for it. */
  assumeSince(time: string): void {
    this.shownState = this.state;
    this.since = time;
  }

  private trouble(): Failure | null {
    if (this.live !== null) return this.live.trouble;
    if (this.starting !== null) return null;
    if (this.crash === null) return this.startFailure;
    return {
      code: 'qemu.gone',
      doing: 'running the VM',
      what: this.crash.what,
      where: {},
      todo: 'Start it again, or restore a snapshot.',
      ...(this.crash.detail === '' ? {} : { detail: this.crash.detail }),
    };
  }

  /** When the state was entered, ISO 8601. */
  stateSince(): string {
    if (this.state !== this.shownState) {
      // The first look at a machine that was off before keeps the time it was kept with.
      this.shownState = this.state;
      this.since = new Date().toISOString();
    }
    return this.since;
  }
}
