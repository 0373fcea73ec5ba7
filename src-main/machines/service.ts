/** What a person and the other rooms of main can do with machines. */
import type { ForeignQemu, Machine, MachineFacts, MachineId, NewMachine } from '@shared/contracts/machines';
import type { SaveJob } from '@shared/contracts/saves';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readFacts } from '../qemu/facts';
import { identify } from '../qemu/proc';
import { connectQmp, type QmpConnection } from '../qemu/qmp';
import type { MachineService, Places, StartOptions, Unsubscribe } from '../services';
import { nameOfVm, recipeOfProcess } from './attached';
import { MachineEntry } from './entry';
import { findForeign } from './foreign';
import { launchIncoming, startMachine } from './launching';
import type { LiveVm } from './live';
import { freeName, recipeOf, sameVm } from './new-machine';
import { newMachineId, Roster, type SavesOfMachine } from './roster';
import { screendump } from './thumbnails';
import { Ticker } from './ticker';
import { Turns } from '../time/turns';

export class Machines implements MachineService {
  private readonly roster: Roster;
  private readonly turns = new Turns();
  private readonly ticker: Ticker;

  constructor(
    private readonly places: Places,
    savesOf: SavesOfMachine,
  ) {
    this.roster = new Roster(places, savesOf);
    this.ticker = new Ticker(this.roster);
  }

  async prepare(): Promise<void> {
    await Promise.all([this.roster.known.prepare(), this.roster.folders.prepare()]);
    await this.roster.scan();
  }

  async list(): Promise<readonly Machine[]> {
    await this.roster.scan();
    await Promise.all(this.roster.all().map(async ({ live }) => live?.refresh()));
    return this.roster.machines();
  }

  async get(id: MachineId): Promise<Machine> {
    const entry = await this.roster.find(id);
    // Another Stillframe may have started it meanwhile.
    if (entry.live === null) await this.roster.scan();
    await entry.live?.refresh();
    return this.roster.show(await this.roster.find(id));
  }

  async add(machine: NewMachine): Promise<Machine> {
    const recipe = await recipeOf(machine, this.places);
    return this.turns.take('add', async () => {
      await this.roster.scan();
      // The same VM once more is the machine that is known already, unless that one is running.
      const same = this.roster
        .all()
        .find(
          (entry) =>
            entry.state === 'off' &&
            entry.origin === 'started' &&
            entry.recipe !== null &&
            sameVm(entry.recipe, recipe),
        );
      if (same !== undefined) return this.roster.show(same);
      const entry = new MachineEntry(newMachineId(), freeName(recipe.name, this.roster.names()), 'started');
      entry.recipe = { ...recipe, name: entry.name };
      await this.roster.put(entry);
      return this.roster.show(entry);
    });
  }

  start(id: MachineId, options: StartOptions = {}): Promise<Machine> {
    return this.change(id, 'starting the VM', async (entry) => {
      const { state, recipe, name } = entry;
      if (state !== 'off')
        throw entry.wrongState('starting the VM', `${name} is not off`, 'Power it off first, or use it as it is.');
      if (recipe === null)
        throw entry.wrongState(
          'starting the VM',
          `How ${name} was started is not known`,
          'Add it with its command line.',
        );
      await startMachine(this.roster, entry, recipe, options);
    });
  }

  pause(id: MachineId): Promise<Machine> {
    return this.change(id, 'pausing the VM', async (entry) => {
      const { live, qmp } = await this.running(entry, 'pausing the VM');
      if (live.state !== 'running') return;
      await live.refuseWhileMigrating(qmp, 'pausing the VM');
      await qmp.execute('stop');
      await live.refresh();
    });
  }

  resume(id: MachineId): Promise<Machine> {
    return this.change(id, 'resuming the VM', async (entry) => {
      const { live, qmp } = await this.running(entry, 'resuming the VM');
      if (live.state === 'running') return;
      await live.refuseWhileMigrating(qmp, 'resuming the VM');
      await qmp.execute('cont');
      await live.refresh();
    });
  }

  powerOff(id: MachineId): Promise<Machine> {
    return this.change(id, 'powering the VM off', async (entry) => {
      if (entry.live === null)
        throw entry.wrongState('powering the VM off', `${entry.name} is not running`, 'There is nothing to do.');
      await entry.live.quit();
    });
  }

  async quit(id: MachineId): Promise<void> {
    const entry = await this.roster.find(id);
    await this.turns.take(id, async () => entry.live?.quit());
  }

  async forget(id: MachineId): Promise<void> {
    const entry = await this.roster.find(id);
    await this.turns.take(id, async () => {
      entry.refuseWhileSaving('forgetting the machine');
      if (entry.state !== 'off' && entry.origin === 'started') {
        throw entry.wrongState('forgetting the machine', `${entry.name} is not off`, 'Power it off first.');
      }
      entry.live?.release();
      await this.roster.drop(entry);
    });
  }

  attach(qmpSocket: string): Promise<Machine> {
    return this.turns.take('attach', async () => {
      const socket = resolve(qmpSocket);
      await this.roster.scan();
      const known = this.roster.all().find(({ live }) => live?.usesSocket(socket) === true);
      if (known !== undefined) return this.get(known.id);
      const qmp = await connectQmp(socket);
      try {
        return await this.attachTo(socket, qmp);
      } catch (error) {
        qmp.close();
        throw error;
      }
    });
  }

  async foreign(): Promise<readonly ForeignQemu[]> {
    await this.roster.scan();
    const ours = new Set(this.roster.all().map(({ live }) => live?.identity?.pid));
    const runFolder = `unix:${this.places.run}/`;
    return findForeign((pid, argv) => ours.has(pid) || argv.some((word) => word.startsWith(runFolder)));
  }

  async qmp(id: MachineId): Promise<QmpConnection> {
    const entry = await this.roster.find(id);
    return (await this.running(entry, 'talking to the VM')).qmp;
  }

  async facts(id: MachineId): Promise<MachineFacts> {
    const entry = await this.roster.find(id);
    const { live, qmp } = await this.running(entry, 'asking the VM what it is');
    live.facts = await readFacts(qmp);
    entry.facts = live.facts;
    this.roster.changed();
    return live.facts;
  }

  setSaving(id: MachineId, job: SaveJob['id'] | null): void {
    const entry = this.roster.all().find((candidate) => candidate.id === id);
    if (entry === undefined) return;
    entry.saving = job;
    this.roster.changed();
    if (job === null) void entry.live?.refresh().then(() => entry.live?.readBlocked());
  }

  launchIncoming(
    options: Parameters<MachineService['launchIncoming']>[0],
  ): ReturnType<MachineService['launchIncoming']> {
    return launchIncoming(this.roster, options);
  }

  async screenshot(id: MachineId, pngPath: string): Promise<boolean> {
    const entry = await this.roster.find(id);
    const { live, qmp } = await this.running(entry, 'taking a picture of the screen');
    if (live.facts?.hasDisplay !== true) return false;
    return screendump(qmp, pngPath);
  }

  framePath(id: MachineId): string | null {
    return this.roster.all().find((entry) => entry.id === id)?.thumbnail.path ?? null;
  }

  onChange(listener: (machines: readonly Machine[]) => void): Unsubscribe {
    const unsubscribe = this.roster.onChange(listener);
    this.ticker.start();
    return () => {
      unsubscribe();
      if (!this.roster.watched) void this.ticker.stop();
    };
  }

  setWatching(on: boolean): void {
    this.ticker.pictures = on;
  }

  async dispose(): Promise<void> {
    await this.ticker.stop();
    await this.roster.dispose();
  }

  /** Does something to a machine, one thing at a time, and not while it is being saved. */
  private async change(id: MachineId, doing: string, work: (entry: MachineEntry) => Promise<void>): Promise<Machine> {
    const entry = await this.roster.find(id);
    return this.turns.take(id, async () => {
      entry.refuseWhileSaving(doing);
      await work(entry);
      return this.roster.show(entry);
    });
  }

  private async running(
    entry: MachineEntry,
    doing: string,
  ): Promise<{ readonly live: LiveVm; readonly qmp: QmpConnection }> {
    const { live, name } = entry;
    if (live === null) throw entry.wrongState(doing, `${name} is not running`, 'Start it first.');
    const qmp = await live.connected();
    if (live.state === 'starting') throw entry.wrongState(doing, `${name} is still being loaded`, 'Wait until it is.');
    return { live, qmp };
  }

  private async attachTo(socket: string, qmp: QmpConnection): Promise<Machine> {
    const { pid } = qmp;
    const same = this.roster.all().find(({ live }) => pid !== null && live?.identity?.pid === pid);
    if (same !== undefined) {
      qmp.close();
      return this.get(same.id);
    }
    const name = freeName(await nameOfVm(qmp, pid), this.roster.names());
    const entry = new MachineEntry(newMachineId(), name, 'attached');
    entry.recipe = pid === null ? null : await recipeOfProcess(pid, name);
    entry.attachedTo = socket;
    entry.folder = join(this.places.run, `attached-${entry.id}`);
    await mkdir(entry.folder, { mode: 0o700 });
    const identity = pid === null ? null : await identify(pid);
    await this.roster.connect(entry, { sockets: [socket], identity, log: null, qmp });
    await this.roster.put(entry);
    return this.roster.show(entry);
  }
}
