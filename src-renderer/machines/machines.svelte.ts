import type { AppApi } from '@shared/contracts/app';
import { failureOf, type Failure } from '@shared/contracts/failure';
import type { ForeignQemu, Machine, MachineId } from '@shared/contracts/machines';
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import type { Dialogs } from '../app/dialogs.svelte';
import type { Navigation } from '../app/navigation.svelte';
import { machines, type Live } from '../lib/client';
import type { LibraryRoom } from '../library/library.svelte';
import { searchText } from './words';

interface Needs {
  readonly api: AppApi;
  readonly navigation: Navigation;
  readonly dialogs: Dialogs;
  readonly library: LibraryRoom;
}

const NONE: readonly Machine[] = [];

/** The Machines room: what main knows, what is shown of it, and what was asked of each machine. */
export class MachinesRoom {
  query = $state('');
  layout = $state<'cards' | 'list'>('cards');
  /** The card that keys act on. */
  current = $state<MachineId | null>(null);
  foreign = $state.raw<readonly ForeignQemu[]>([]);
  foreignCheckedAt = $state<string | null>(null);
  foreignFailure = $state.raw<Failure | null>(null);
  /** What went wrong with the last thing asked of a machine. */
  readonly failures = new SvelteMap<MachineId, Failure>();
  readonly #busy = new SvelteSet<MachineId>();
  #live = $state.raw<Live<readonly Machine[]>>({ value: null, failure: null });
  readonly #needs: Needs;

  constructor(needs: Needs) {
    this.#needs = needs;
    machines.subscribe((live) => (this.#live = live));
  }

  /** null until main has answered. */
  get known(): readonly Machine[] | null {
    return this.#live.value;
  }

  get failure(): Failure | null {
    return this.#live.failure;
  }

  get list(): readonly Machine[] {
    return this.known ?? NONE;
  }

  get shown(): readonly Machine[] {
    const words = this.query.toLowerCase().split(/\s+/).filter(Boolean);
    return this.list.filter((machine) => words.every((word) => searchText(machine).includes(word)));
  }

  /** The machine that keys act on: the current card, if it is still shown. */
  get chosen(): Machine | null {
    return this.shown.find(({ id }) => id === this.current) ?? this.shown[0] ?? null;
  }

  find(id: MachineId): Machine | null {
    return this.list.find((machine) => machine.id === id) ?? null;
  }

  isBusy(id: MachineId): boolean {
    return this.#busy.has(id);
  }

  start(machine: Machine): Promise<boolean> {
    return this.#run(machine, `starting ${machine.name}`, () => this.#needs.api.machines.start(machine.id));
  }

  /** Pauses a running machine, resumes one that stands still. */
  async toggle(machine: Machine): Promise<void> {
    const { api } = this.#needs;
    if (machine.saving !== null) return;
    if (machine.state === 'running') {
      await this.#run(machine, `pausing ${machine.name}`, () => api.machines.pause(machine.id));
    } else if (machine.state === 'paused' || machine.state === 'stopped-after-save') {
      await this.#run(machine, `resuming ${machine.name}`, () => api.machines.resume(machine.id));
    }
  }

  async powerOff(machine: Machine): Promise<void> {
    const yes = await this.#needs.dialogs.ask({
      title: `Power off ${machine.name}?`,
      body: 'Its QEMU ends at once. The guest gets no chance to shut down, and what it has not written to its disks is lost. Snapshots stay.',
      act: 'Power off',
      keep: 'Keep running',
    });
    if (yes) {
      await this.#run(machine, `powering off ${machine.name}`, () => this.#needs.api.machines.powerOff(machine.id));
    }
  }

  async forget(machine: Machine): Promise<void> {
    const attached = machine.origin === 'attached';
    const yes = await this.#needs.dialogs.ask({
      title: attached ? `Let go of ${machine.name}?` : `Forget ${machine.name}?`,
      body: attached
        ? 'The VM runs on. Its snapshots stay. It can be attached again while its QMP socket is free.'
        : 'Its command line is forgotten. Its disks and snapshots stay, and a snapshot still restores.',
      act: attached ? 'Let go' : 'Forget',
      keep: 'Keep',
    });
    if (yes) await this.#run(machine, `forgetting ${machine.name}`, () => this.#needs.api.machines.forget(machine.id));
  }

  save(machine: Machine): void {
    if (machine.saving !== null) this.#needs.navigation.showJob(machine.saving);
    else if (machine.state !== 'off') this.#needs.dialogs.open({ kind: 'save', machine: machine.id });
  }

  /** Goes to the machine's newest snapshot in the library. */
  restore(machine: Machine): void {
    this.#needs.library.reveal(machine.lastSave?.snapshot ?? null);
    this.#needs.navigation.go('library');
  }

  /** Adds the demo VM and starts it; says why it could not be added. */
  async startDemo(): Promise<Failure | null> {
    try {
      const machine = await this.#needs.api.machines.add({ kind: 'demo' });
      this.current = machine.id;
      // What goes wrong from here on stands on its card.
      await this.start(machine);
      return null;
    } catch (error) {
      return failureOf(error, 'starting the demo VM');
    }
  }

  async attach(socket: string): Promise<Failure | null> {
    try {
      this.current = (await this.#needs.api.machines.attach(socket)).id;
      await this.lookForForeign();
      return null;
    } catch (error) {
      return failureOf(error, `attaching to ${socket}`);
    }
  }

  /** Asks anew for QEMUs that run without Stillframe. */
  async lookForForeign(): Promise<void> {
    try {
      this.foreign = await this.#needs.api.machines.foreign();
      this.foreignCheckedAt = new Date().toISOString();
      this.foreignFailure = null;
    } catch (error) {
      this.foreignFailure = failureOf(error, 'looking for running QEMUs');
    }
  }

  async #run(machine: Machine, doing: string, work: () => Promise<unknown>): Promise<boolean> {
    if (this.#busy.has(machine.id)) return false;
    this.#busy.add(machine.id);
    this.failures.delete(machine.id);
    try {
      await work();
      return true;
    } catch (error) {
      this.failures.set(machine.id, failureOf(error, doing));
      return false;
    } finally {
      this.#busy.delete(machine.id);
    }
  }
}
