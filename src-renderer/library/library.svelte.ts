import type { AppApi } from '@shared/contracts/app';
import { failureOf, type Failure } from '@shared/contracts/failure';
import type { LibraryOverview, SnapshotEntry, SnapshotId } from '@shared/contracts/library';
import { SvelteSet } from 'svelte/reactivity';
import type { Dialogs } from '../app/dialogs.svelte';
import type { Navigation } from '../app/navigation.svelte';
import type { Toasts } from '../app/toasts.svelte';
import { library, type Live } from '../lib/client';
import { ram } from '../lib/format';
import { arrange, found, newestFirst, passes, type Filter, type Group, type Order } from './arrange';

interface Needs {
  readonly api: AppApi;
  readonly navigation: Navigation;
  readonly dialogs: Dialogs;
  readonly toasts: Toasts;
}

const NONE: readonly SnapshotEntry[] = [];

/** The Library room: what is in it, what is shown of it, and which snapshot the panel is about. */
export class LibraryRoom {
  query = $state('');
  filter = $state<Filter>('all');
  order = $state<Order>('newest');
  layout = $state<'list' | 'grid'>('list');
  /** What the last thing asked of the library ran into. */
  problem = $state.raw<Failure | null>(null);
  /** Names of machines whose groups are shut; the empty name stands for files without a machine. */
  readonly shut = new SvelteSet<string>();
  #live = $state.raw<Live<LibraryOverview>>({ value: null, failure: null });
  #chosen = $state.raw<{ readonly id: SnapshotId } | { readonly name: string } | null>(null);
  readonly #needs: Needs;

  constructor(needs: Needs) {
    this.#needs = needs;
    library.subscribe((live) => (this.#live = live));
  }

  /** null until main has answered. */
  get overview(): LibraryOverview | null {
    return this.#live.value;
  }

  get failure(): Failure | null {
    return this.#live.failure;
  }

  get entries(): readonly SnapshotEntry[] {
    return this.overview?.entries ?? NONE;
  }

  get recent(): readonly SnapshotEntry[] {
    return newestFirst(this.entries.filter(({ state }) => state.kind === 'good')).slice(0, 5);
  }

  get groups(): readonly Group[] {
    const shown = this.entries.filter((entry) => passes(entry, this.filter) && found(entry, this.query));
    return arrange(shown, this.order);
  }

  /** What the panel shows: the chosen snapshot, else the first one shown. */
  get selected(): SnapshotEntry | null {
    const chosen = this.#chosen;
    const match = (entry: SnapshotEntry): boolean =>
      chosen !== null && ('id' in chosen ? entry.id === chosen.id : entry.name === chosen.name);
    const shown = this.groups.flatMap(({ entries }) => entries);
    return shown.find(match) ?? shown[0] ?? null;
  }

  count(filter: Filter): number {
    return this.entries.filter((entry) => passes(entry, filter)).length;
  }

  select(entry: SnapshotEntry): void {
    this.#chosen = { id: entry.id };
  }

  /** Shows a snapshot by its name, whatever was filtered before; null: just the library. */
  reveal(name: string | null): void {
    this.query = '';
    this.filter = 'all';
    this.shut.clear();
    if (name !== null) this.#chosen = { name };
  }

  inspect(entry: SnapshotEntry): void {
    this.#needs.navigation.inspect({ snapshot: entry.id });
  }

  async trash(entry: SnapshotEntry): Promise<void> {
    const imported = entry.state.kind === 'imported';
    const yes = await this.#needs.dialogs.ask({
      title: imported ? `Forget ${entry.name}?` : `Move ${entry.name} to the trash?`,
      body: imported
        ? 'The file stays where it is. Only the library forgets it.'
        : `Its folder, ${ram(entry.bytesOnDisk)} on disk, goes to the system's trash and can be taken back from there. No VM and no disk is touched.`,
      act: imported ? 'Forget' : 'Move to trash',
      keep: 'Keep',
    });
    if (yes) await this.#try('moving it to the trash', () => this.#needs.api.library.moveToTrash(entry.id));
  }

  revealFolder(entry: SnapshotEntry): Promise<void> {
    return this.#try('showing its folder', () => this.#needs.api.library.reveal(entry.id));
  }

  /** Asks for a file and makes it known. */
  importFile(): Promise<void> {
    return this.#try('importing a file', async () => {
      const path = await this.#needs.api.shell.chooseFile('import');
      if (path === null) return;
      const entry = await this.#needs.api.library.importFile(path);
      this.reveal(null);
      this.select(entry);
      this.#needs.navigation.go('library');
    });
  }

  async #try(doing: string, work: () => Promise<unknown>): Promise<void> {
    this.problem = null;
    try {
      await work();
    } catch (error) {
      this.problem = failureOf(error, doing);
    }
  }
}
