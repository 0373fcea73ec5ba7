/** All machines of this user, kept in step with what other Stillframes (the app, the CLI) start, end and forget. */
import { fail, failureOf } from '@shared/contracts/failure';
import type { Machine, MachineId } from '@shared/contracts/machines';
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readTail, STDERR_LOG } from '../qemu/launch';
import type { ProcessIdentity } from '../qemu/proc';
import { QemuProbe } from '../qemu/qemu-probe';
import type { QmpConnection } from '../qemu/qmp';
import type { Places, Unsubscribe } from '../services';
import { MachineEntry, type SavesOf } from './entry';
import { KnownMachines, type Crash } from './known';
import { crashFrom, LiveVm } from './live';
import { RunFolders, type Found, type RunRecord } from './run-folder';

export type SavesOfMachine = (machineName: string) => SavesOf;

/** Short, since it becomes part of a socket's path. */
export const newMachineId = (): MachineId => randomBytes(6).toString('hex') as MachineId;

export class Roster {
  readonly known: KnownMachines;
  readonly folders: RunFolders;
  /** What the programs of recipes can do, each asked once. */
  readonly probe = new QemuProbe();
  private readonly entries = new Map<MachineId, MachineEntry>();
  private readonly listeners = new Set<(machines: readonly Machine[]) => void>();
  /** VMs that have ended and are being cleaned up after. */
  private readonly endings = new Set<Promise<void>>();
  private scanning: Promise<void> | null = null;
  private emission: NodeJS.Immediate | null = null;
  private lastEmitted = '';
  private disposed = false;

  constructor(
    places: Places,
    private readonly savesOf: SavesOfMachine,
  ) {
    this.known = new KnownMachines(places.data);
    this.folders = new RunFolders(places.run);
  }

  all(): readonly MachineEntry[] {
    return [...this.entries.values()];
  }

  machines(): readonly Machine[] {
    const order = new Intl.Collator('en', { numeric: true });
    return this.all()
      .map((entry) => this.show(entry))
      .sort((a, b) => order.compare(a.name, b.name));
  }

  show(entry: MachineEntry): Machine {
    return entry.toMachine(this.savesOf(entry.name));
  }

  /** The entry, also one that another Stillframe has just made; `machine.unknown` when there is none. */
  async find(id: MachineId): Promise<MachineEntry> {
    if (!this.entries.has(id)) await this.scan();
    const entry = this.entries.get(id);
    if (entry !== undefined) return entry;
    throw fail(
      'machine.unknown',
      'looking for the machine',
      'There is no such machine',
      'Look at the list of machines.',
    );
  }

  names(): ReadonlySet<string> {
    return new Set(this.all().map(({ name }) => name));
  }

  /** Keeps an entry on disk if it is one to keep, then lists it. */
  async put(entry: MachineEntry): Promise<void> {
    await this.keep(entry);
    this.entries.set(entry.id, entry);
    this.changed();
  }

  /** Forgets an entry whose VM is off or was let go of. */
  async drop(entry: MachineEntry): Promise<void> {
    await this.known.remove(entry.id);
    await this.removePictures(entry);
    this.entries.delete(entry.id);
    this.changed();
  }

  async keep(entry: MachineEntry): Promise<void> {
    const known = entry.toKnown();
    if (known !== null) await this.known.save(known);
  }

  /** Connects an entry to a VM that runs from one of our run folders. */
  async goLive(entry: MachineEntry, record: RunRecord, vm: ProcessIdentity, qmp: QmpConnection | null): Promise<void> {
    entry.record = record;
    entry.folder = this.folders.path(entry.id);
    const sockets = [record.sockets.qmp, record.sockets.tools];
    await this.connect(entry, { sockets, identity: vm, log: join(entry.folder, STDERR_LOG), qmp });
  }

  /** Connects an entry to any running VM; resolves when its state is known or known to be unknown. */
  async connect(
    entry: MachineEntry,
    to: {
      readonly sockets: readonly string[];
      readonly identity: ProcessIdentity | null;
      readonly log: string | null;
      readonly qmp: QmpConnection | null;
    },
  ): Promise<void> {
    const live = new LiveVm({
      name: entry.name,
      sockets: to.sockets,
      identity: to.identity,
      log: to.log,
      facts: entry.facts,
      changed: () => this.changed(),
      ended: (crash) => {
        const ending = this.onEnded(entry, crash).finally(() => this.endings.delete(ending));
        this.endings.add(ending);
        return ending;
      },
    });
    entry.live = live;
    entry.crash = null;
    entry.startFailure = null;
    if (to.qmp === null) await live.refresh();
    else await live.use(to.qmp);
    entry.facts = live.facts;
    if (this.disposed) live.release();
    this.changed();
  }

  /** Reads what is on disk and in the run folders again. */
  scan(): Promise<void> {
    this.scanning ??= this.reconcile().finally(() => {
      this.scanning = null;
    });
    return this.scanning;
  }

  /** Tells listeners soon, once for many changes, and only if there is something new. */
  changed(): void {
    if (this.listeners.size === 0) return;
    this.emission ??= setImmediate(() => {
      this.emission = null;
      const machines = this.machines();
      const text = JSON.stringify(machines);
      if (text === this.lastEmitted) return;
      this.lastEmitted = text;
      for (const listener of [...this.listeners]) listener(machines);
    });
  }

  onChange(listener: (machines: readonly Machine[]) => void): Unsubscribe {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  get watched(): boolean {
    return this.listeners.size > 0;
  }

  async dispose(): Promise<void> {
    this.disposed = true;
    this.listeners.clear();
    if (this.emission !== null) clearImmediate(this.emission);
    await this.scanning?.catch(() => undefined);
    await Promise.allSettled(this.endings);
    for (const entry of this.all()) {
      entry.live?.release();
      await this.removePictures(entry);
    }
  }

  /** The folder for pictures of a VM that was only attached; a started VM's are in its run folder. */
  private async removePictures(entry: MachineEntry): Promise<void> {
    if (entry.record === null && entry.folder !== null) await rm(entry.folder, { recursive: true, force: true });
  }

  private async reconcile(): Promise<void> {
    const before = new Set(this.entries.keys());
    const known = await this.known.all();
    const found = await this.folders.all();
    for (const machine of known) {
      if (this.entries.has(machine.id)) continue;
      const entry = MachineEntry.fromKnown(machine);
      await entry.thumbnail.load(this.known.lastFrame(machine.id));
      this.entries.set(machine.id, entry);
    }
    await Promise.all(found.map((folder) => this.takeIn(folder)));
    const alive = new Set<string>([...known.map(({ id }) => id), ...found.map(({ record }) => record.machine)]);
    for (const entry of this.all()) {
      if (entry.starting === 'elsewhere' && !found.some(({ record }) => record.machine === entry.id))
        entry.starting = null;
      const forgotten = before.has(entry.id) && !alive.has(entry.id) && entry.state === 'off';
      if (forgotten && entry.origin === 'started') this.entries.delete(entry.id);
    }
    this.changed();
  }

  private async takeIn(found: Found): Promise<void> {
    const { record } = found;
    const entry = this.entries.get(record.machine);
    if (entry?.starting === 'here' || (entry !== undefined && entry.live !== null)) return;
    if (found.kind === 'starting') {
      if (entry !== undefined) entry.starting = 'elsewhere';
      return;
    }
    if (found.kind === 'running') {
      const running = entry ?? new MachineEntry(record.machine, record.recipe.name, 'started', record.startedAt);
      running.recipe ??= record.recipe;
      running.starting = null;
      this.entries.set(running.id, running);
      await this.goLive(running, record, found.vm, null);
      running.assumeSince(record.startedAt);
      return;
    }
    const stderr = await readTail(join(this.folders.path(record.machine), STDERR_LOG));
    await this.folders.remove(record);
    if (entry === undefined) return;
    entry.starting = null;
    entry.crash = record.phase === 'ours' ? crashFrom(stderr, false) : null;
    await this.keepIfPossible(entry);
  }

  private async onEnded(entry: MachineEntry, crash: Crash | null): Promise<void> {
    try {
      if (entry.origin === 'started') await entry.thumbnail.keep(this.known.lastFrame(entry.id));
      if (entry.record !== null) await this.folders.remove(entry.record);
      else await this.removePictures(entry);
    } catch (error) {
      entry.startFailure = failureOf(error, 'cleaning up after the VM');
    }
    entry.facts = entry.live?.facts ?? entry.facts;
    entry.record = null;
    entry.folder = null;
    entry.live = null;
    entry.attachedTo = null;
    entry.crash = crash;
    await this.keepIfPossible(entry);
    this.changed();
  }

  /** A full disk must not keep a VM that has ended from being shown as off; only the next Stillframe learns less of it. */
  private async keepIfPossible(entry: MachineEntry): Promise<void> {
    await this.keep(entry).catch((error: unknown) => {
      entry.startFailure = failureOf(error, 'keeping what is known of the machine');
    });
  }
}
