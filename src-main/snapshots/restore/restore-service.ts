/** RestoresApi: preflight, then load. Never deletes or changes a snapshot. */
import { fail } from '@shared/contracts/failure';
import type {
  Finding,
  Preflight,
  RestoreOptions,
  RestoreResult,
  SnapshotEntry,
  SnapshotId,
} from '@shared/contracts/library';
import type { Recipe } from '@shared/contracts/machines';
import type { LibraryService, RestoreService } from '../../services';
import { chooseLoadEngine } from './engines';
import { load } from './load';
import type { LoadPlan, LoadRooms } from './loader';
import { pinMachineType } from './pin-machine';
import { check, isMappedRam, outlookOf, type Checked } from './preflight';
import { QemuProbe } from '../../qemu/qemu-probe';

/** For a bare file nobody knows how many it was saved with; it need not be the same number. */
const CHANNELS_OF_A_BARE_FILE = 2;

export interface RestoreRooms extends LoadRooms {
  readonly library: LibraryService;
}

export class Restores implements RestoreService {
  readonly #probe = new QemuProbe();

  constructor(private readonly rooms: RestoreRooms) {}

  async preflight(id: SnapshotId): Promise<Preflight> {
    return this.preflightEntry(await this.rooms.library.get(id));
  }

  async preflightEntry(entry: SnapshotEntry, recipe: Recipe | null = null): Promise<Preflight> {
    const { findings, load: outlook } = await this.#check(entry, recipe);
    const preflight = { snapshot: entry.id, checkedAt: new Date().toISOString(), findings };
    return outlook === null ? preflight : { ...preflight, load: outlook };
  }

  async restore(id: SnapshotId, options: RestoreOptions): Promise<RestoreResult> {
    return this.restoreEntry(await this.rooms.library.get(id), options);
  }

  async restoreEntry(
    entry: SnapshotEntry,
    options: RestoreOptions,
    recipe: Recipe | null = null,
  ): Promise<RestoreResult> {
    const begun = performance.now();
    const checked = await this.#check(entry, recipe);
    const objection = checked.findings.find((finding) => objects(finding, options.accepted));
    if (objection !== undefined) throw refused(entry, objection);
    const plan = await this.#planFor(entry, checked, options);
    const { machine, loadingMs } = await load(this.rooms, plan);
    return { machine, engine: plan.engine, timings: { totalMs: performance.now() - begun, loadingMs } };
  }

  #check(entry: SnapshotEntry, recipe: Recipe | null): Promise<Checked> {
    return check({ ...this.rooms, probe: this.#probe }, entry, recipe);
  }

  async #planFor(
    { memoryFile, manifest }: SnapshotEntry,
    { recipe, report, wasRunning, load: outlook }: Checked,
    { then, engine }: RestoreOptions,
  ): Promise<LoadPlan> {
    if (recipe === null || report === null || memoryFile === null)
      throw new TypeError('a preflight without an objection knows the recipe and the file');
    // A program that nobody had asked yet was accepted by now.
    const possible = outlook ?? (await outlookOf(this.#probe, recipe, report));
    return {
      engine: chooseLoadEngine(possible, engine),
      recipe: pinMachineType(recipe, report.machine),
      memoryFile,
      streamOffset: report.container.streamOffset,
      mappedRam: isMappedRam(report) ? { channels: manifest?.channels ?? CHANNELS_OF_A_BARE_FILE } : null,
      blocks: report.ramBlocks,
      run: then === null ? (wasRunning ?? true) : then === 'run',
    };
  }
}

const objects = ({ level, key }: Finding, accepted: readonly string[]): boolean =>
  level === 'stop' || (level === 'ask' && !accepted.includes(key));

function refused({ name, memoryFile, folder }: SnapshotEntry, finding: Finding): Error {
  const todo =
    finding.acceptText === null ? 'Mend that, then restore.' : `Accept it to go on: “${finding.acceptText}”.`;
  return fail('restore.preflight', `restoring ${name}`, finding.text.replace(/\.+$/, ''), todo, {
    where: { path: memoryFile ?? folder, field: finding.key },
  });
}
