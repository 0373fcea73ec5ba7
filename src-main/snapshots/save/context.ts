/** What the phases of one save share. */
import type { EngineName, SaveOptions } from '@shared/contracts/saves';
import type { ChannelPool, FileRegistry, LibraryService, MachineService, WorkerPool } from '../../services';
import type { LiveJob } from './job';
import type { Destination, VmReading } from './plan';
import type { UndoStack } from './undo';

/** The rooms of main that saving uses. */
export interface SaveRooms {
  readonly machines: MachineService;
  readonly files: FileRegistry;
  readonly workers: WorkerPool;
  readonly channels: ChannelPool;
  readonly library: LibraryService;
  /** Where the library is. */
  readonly libraryFolder: string;
  /** Unfinished folders of this process's running jobs: the library does not show them. */
  readonly liveFolders: Set<string>;
}

export interface SaveContext {
  readonly job: LiveJob;
  readonly options: SaveOptions;
  /** The engine that `options.engine` came down to. */
  readonly engine: EngineName;
  /** Why it is that one, as a sentence. */
  readonly engineWhy: string;
  readonly vm: VmReading;
  /** Whether the guest ran when the save began. */
  readonly wasRunning: boolean;
  readonly destination: Destination;
  /** The unfinished folder; it exists from the first phase on. */
  readonly folder: string;
  readonly undo: UndoStack;
  readonly rooms: SaveRooms;
}
