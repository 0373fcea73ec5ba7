/** SavesApi: accepting saves, showing them, cancelling them. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { fail } from '@shared/contracts/failure';
import type { MachineId } from '@shared/contracts/machines';
import type { JobId, SaveJob, SaveOptions, SaveOutlook } from '@shared/contracts/saves';
import type { SaveService } from '../../services';
import { checkName, suggestName, unfinishedName } from '../names';
import { queryRunState } from '../migration';
import { exists } from '../paths';
import type { SaveContext, SaveRooms } from './context';
import { readEngineFacts } from './engine-facts';
import { autoEngine, chooseEngine, engineOutlook } from './engines';
import { LiveJob, type SaveHooks } from './job';
import {
  destinationOf,
  isRunning,
  readVm,
  spaceFor,
  whyBlocked,
  whyNoSpace,
  type Destination,
  type VmReading,
} from './plan';
import { cancelled, runSave } from './run';
import { UndoStack } from './undo';
import { knowsDirectIo } from './vm-settings';

const MAX_CHANNELS = 16;
const JOBS_KEPT = 200;

/** Whether a name is used in a folder, or promised to a save that is under way. */
type IsTaken = (name: string) => boolean;

export class Saves implements SaveService {
  /** Newest first. */
  #jobs: LiveJob[] = [];
  readonly #busy = new Set<MachineId>();
  readonly #listeners = new Set<(job: SaveJob) => void>();
  #disposed = false;

  constructor(
    private readonly rooms: SaveRooms,
    private readonly hooks: SaveHooks = {},
  ) {}

  async outlook(machine: MachineId): Promise<SaveOutlook> {
    const vm = await readVm(this.rooms.machines, machine);
    const parent = this.rooms.libraryFolder;
    const [live, paused, facts] = await Promise.all([
      spaceFor(vm, parent, 'live'),
      spaceFor(vm, parent, 'paused'),
      readEngineFacts(vm),
    ]);
    const taken = await this.#takenNames({ parent, fixedName: null });
    const blocked = this.#whyBusy(machine) ?? whyBlocked(vm) ?? whyNoSpace(paused, parent);
    return {
      blocked: blocked?.failure ?? null,
      suggestedName: suggestName(vm.machine.name, new Date(), taken),
      ramBytes: vm.ramBytes,
      liveBlocked: facts.liveHazard,
      fileBytesAtMost: { live: live.atMost, paused: paused.atMost },
      freeBytes: paused.free,
      directIoPossible: knowsDirectIo(vm.parameters),
      mappedRam: vm.capabilities.has('mapped-ram'),
      engines: engineOutlook(facts),
      auto: { live: autoEngine(facts, 'live'), paused: autoEngine(facts, 'paused') },
      writableDisks: vm.disks.filter(({ writable }) => writable).map(({ path }) => path),
    };
  }

  async begin(options: SaveOptions): Promise<SaveJob> {
    checkOptions(options);
    const busy = this.#whyBusy(options.machine);
    if (busy !== null) throw busy;
    this.#busy.add(options.machine);
    let job: LiveJob;
    try {
      job = await this.#accept(options);
    } catch (error) {
      this.#busy.delete(options.machine);
      throw error;
    }
    return job.now();
  }

  async #accept(options: SaveOptions): Promise<LiveJob> {
    const vm = await readVm(this.rooms.machines, options.machine);
    const blocked = whyBlocked(vm);
    if (blocked !== null) throw blocked;
    const { engine, why } = chooseEngine(await readEngineFacts(vm), options.engine, options.mode);
    const destination = await destinationOf(options.out, this.rooms.libraryFolder);
    const space = await spaceFor(vm, destination.parent, options.mode);
    const noSpace = whyNoSpace(space, destination.parent);
    if (noSpace !== null) throw noSpace;
    const name = await this.#nameFor(options, vm, destination);
    if (this.#disposed) throw cancelled();
    const folder = join(destination.parent, unfinishedName());
    const job = new LiveJob(
      {
        id: randomUUID() as JobId,
        machine: vm.machine,
        name,
        options,
        place: folder,
        ramBytes: vm.ramBytes,
        atMost: space.atMost,
        free: space.free,
        running: isRunning(vm.runState),
      },
      (shown) => this.#tell(shown),
      this.hooks,
    );
    const wasRunning = isRunning(vm.runState);
    this.#keep(job);
    void this.#run({
      job,
      options,
      engine,
      engineWhy: why,
      vm,
      wasRunning,
      destination,
      folder,
      undo: new UndoStack(),
      rooms: this.rooms,
    });
    return job;
  }

  async #run(context: SaveContext): Promise<void> {
    const { machines, liveFolders, library } = this.rooms;
    const { machine } = context.options;
    liveFolders.add(context.folder);
    machines.setSaving(machine, context.job.now().id);
    // Until now others could pause the VM; what counts is how it is from here on.
    const wasRunning = await queryRunState(context.vm.qmp).then(isRunning, () => context.wasRunning);
    const outcome = await runSave({ ...context, wasRunning });
    liveFolders.delete(context.folder);
    machines.setSaving(machine, null);
    this.#busy.delete(machine);
    if (outcome.kind !== 'saved') await library.refresh().catch(() => undefined);
    context.job.end(outcome);
  }

  async #nameFor(options: SaveOptions, vm: VmReading, destination: Destination): Promise<string> {
    const taken = await this.#takenNames(destination);
    if (destination.fixedName === null && options.name === null) return suggestName(vm.machine.name, new Date(), taken);
    const name = checkName(destination.fixedName ?? options.name ?? '');
    if (taken(name) || (await exists(join(destination.parent, name))))
      throw fail(
        'library.name-taken',
        'naming the snapshot',
        `There is already something called ${name}`,
        'Choose another name.',
        {
          where: { path: destination.parent, field: 'name' },
        },
      );
    return name;
  }

  async #takenNames({ parent }: Destination): Promise<IsTaken> {
    const running = this.#jobs.map((job) => job.now()).filter(({ outcome }) => outcome === null);
    const names = new Set(running.map(({ name }) => name));
    if (parent === this.rooms.libraryFolder) {
      const { entries } = await this.rooms.library.overview();
      for (const { name } of entries) names.add(name);
    }
    return (name) => names.has(name);
  }

  #whyBusy(machine: MachineId): ReturnType<typeof fail> | null {
    if (!this.#busy.has(machine)) return null;
    return fail(
      'save.blocked',
      'preparing the save',
      'This VM is being saved already',
      'Wait for that save or cancel it.',
    );
  }

  /** Whoever listens cannot break a save: what a listener throws is its own trouble, and shown as such. */
  #tell(shown: SaveJob): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(shown);
      } catch (error) {
        console.error(error);
      }
    }
  }

  #keep(job: LiveJob): void {
    this.#jobs = [job, ...this.#jobs].slice(0, JOBS_KEPT);
  }

  jobs(): Promise<readonly SaveJob[]> {
    return Promise.resolve(this.#jobs.map((job) => job.now()));
  }

  async cancel(id: JobId): Promise<void> {
    const job = this.#find(id);
    job.cancel(cancelled());
    await job.finished;
  }

  finished(id: JobId): Promise<SaveJob> {
    return this.#find(id).finished;
  }

  onProgress(listener: (job: SaveJob) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    const running = this.#jobs.filter((job) => job.now().outcome === null);
    await Promise.all(running.map((job) => this.cancel(job.now().id)));
    this.#listeners.clear();
  }

  #find(id: JobId): LiveJob {
    const job = this.#jobs.find((one) => one.now().id === id);
    if (job !== undefined) return job;
    throw fail('usage', 'looking for a save', `There is no save ${id}`, 'Look at the list of saves.');
  }
}

/** Options come over IPC and from the command line: checked here once. */
function checkOptions({ channels, liveLimitSeconds, rateLimit, note, releaseEarly, after }: SaveOptions): void {
  const refuse = (what: string, field: string): Error =>
    fail('usage', 'preparing the save', what, 'Choose another value.', { where: { field } });
  if (!Number.isInteger(channels) || channels < 1 || channels > MAX_CHANNELS)
    throw refuse(`A save has 1 to ${String(MAX_CHANNELS)} channels, not ${String(channels)}`, 'channels');
  if (!(liveLimitSeconds > 0)) throw refuse('The live limit must be more than 0 s', 'liveLimitSeconds');
  if (rateLimit !== null && !(Number.isSafeInteger(rateLimit) && rateLimit > 0))
    throw refuse('The rate limit is a whole number of bytes per second, or none', 'rateLimit');
  if (releaseEarly && after !== 'quit')
    throw refuse('QEMU is released early only where it is to be ended after the save', 'releaseEarly');
  if (note.length > 10_000) throw refuse('The note is longer than 10 000 characters', 'note');
}
