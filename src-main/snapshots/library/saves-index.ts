/** What the library has of each machine, kept at hand: the list of machines asks for it often and cannot wait. */
import type { Machine } from '@shared/contracts/machines';
import type { LibraryService } from '../../services';

export interface SavesOfMachine {
  readonly lastSave: Machine['lastSave'];
  readonly snapshotCount: number;
}

const NOTHING: SavesOfMachine = { lastSave: null, snapshotCount: 0 };

export class SavesIndex {
  #byMachine = new Map<string, SavesOfMachine>();
  /** Resolves when the last change of the library has been read. */
  #reading: Promise<void>;
  #again = false;
  readonly #stopListening: () => void;

  constructor(private readonly library: LibraryService) {
    this.#reading = this.#read();
    this.#stopListening = library.onChange(() => {
      if (this.#again) return;
      this.#again = true;
      this.#reading = this.#reading.then(() => {
        this.#again = false;
        return this.#read();
      });
    });
  }

  of(machineName: string): SavesOfMachine {
    return this.#byMachine.get(machineName) ?? NOTHING;
  }

  dispose(): void {
    this.#stopListening();
  }

  /** A library that cannot be read is shown as such in its own room; here it counts as unchanged. */
  async #read(): Promise<void> {
    const overview = await this.library.overview().catch(() => null);
    if (overview === null) return;
    const byMachine = new Map<string, SavesOfMachine>();
    // Newest first, so the first one of a machine is its last save.
    for (const { machineName, savedAt, name, state } of overview.entries) {
      if (machineName === null || savedAt === null || state.kind !== 'good') continue;
      const known = byMachine.get(machineName) ?? { lastSave: { snapshot: name, at: savedAt }, snapshotCount: 0 };
      byMachine.set(machineName, { ...known, snapshotCount: known.snapshotCount + 1 });
    }
    this.#byMachine = byMachine;
  }
}
