/** Every service of main, put together. Runs under Electron and under plain Node alike: what differs is in `Host`. */
import { join } from 'node:path';
import { createBookmarks } from './bookmarks/bookmarks';
import { Conversions } from './convert/conversions';
import { createConvertService } from './convert/convert-service';
import { createFileRegistry } from './files/registry';
import { createMachineService } from './machines';
import type { Host, Services } from './services';
import { Library } from './snapshots/library/library-service';
import { SavesIndex } from './snapshots/library/saves-index';
import { Restores } from './snapshots/restore/restore-service';
import type { SaveHooks } from './snapshots/save/job';
import { Saves } from './snapshots/save/save-service';
import { createChannelPool } from './workers/channel-pool';
import { createWorkerPool } from './workers/pool';

/** For tests and measurements. */
export interface ComposeOptions {
  /** Called at the beginning of every step of every save, and waited for. */
  readonly saveHooks?: SaveHooks;
}

/** Makes the services over the host's places. `dispose` cancels running saves and lets go of everything; VMs go on. */
export async function createServices(host: Host, options: ComposeOptions = {}): Promise<Services> {
  const { places } = host;
  const files = createFileRegistry();
  const workers = createWorkerPool(host.startWorker);
  const channels = createChannelPool(host.startWorker);
  const liveFolders = new Set<string>();
  const library = await Library.open(places.library, { files, workers, host, liveFolders });
  const index = new SavesIndex(library);
  const machines = await createMachineService(places, { savesOf: (name) => index.of(name) });
  const libraryFolder = places.library;
  const saves = new Saves(
    { machines, files, workers, channels, library, libraryFolder, liveFolders },
    options.saveHooks,
  );
  const restores = new Restores({ machines, files, workers, channels, library });
  const conversions = new Conversions(createConvertService({ files, workers, library }), library);
  const bookmarks = createBookmarks(join(places.data, 'bookmarks'));
  return {
    places,
    files,
    workers,
    channels,
    machines,
    library,
    saves,
    restores,
    conversions,
    bookmarks,
    dispose: async () => {
      await Promise.all([saves.dispose(), conversions.dispose()]);
      index.dispose();
      library.dispose();
      await channels.dispose();
      await workers.dispose();
      await machines.dispose();
    },
  };
}
