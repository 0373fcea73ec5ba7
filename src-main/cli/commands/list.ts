import type { LibraryOverview, SnapshotEntry } from '@shared/contracts/library';
import { addCommand, type Answer, type CommonOptions, type Desk } from '../command';
import { duration, fileSize, localTime, ramSize, table } from '../format';

export function addList(desk: Desk): void {
  addCommand(desk, 'list', 'list the snapshots in the library, newest first').action((options: CommonOptions) =>
    desk.answer(options, async ({ services }) => answer(await services.library.overview())),
  );
}

function answer({ folder, freeBytes, entries }: LibraryOverview): Answer {
  const json = {
    library: folder,
    freeBytes,
    snapshots: entries.map((entry) => ({
      snapshot: entry.id,
      name: entry.name,
      note: entry.note,
      state: entry.state.kind,
      durable: entry.state.kind === 'good' ? entry.state.durable : null,
      why: 'why' in entry.state ? entry.state.why : null,
      folder: entry.folder,
      memoryFile: entry.memoryFile,
      machine: entry.machineName,
      savedAt: entry.savedAt,
      ramBytes: entry.ramBytes,
      fileBytes: entry.fileBytes,
      bytesOnDisk: entry.bytesOnDisk,
    })),
  };
  const tail = `${entries.length === 1 ? '1 snapshot' : `${entries.length} snapshots`} in ${folder}, ${fileSize(freeBytes)} free.`;
  return { json, text: entries.length === 0 ? tail : `${snapshotTable(entries)}\n\n${tail}`, good: true };
}

const stateWord = ({ state }: SnapshotEntry): string =>
  state.kind === 'good' && !state.durable ? 'not durable' : state.kind;

function snapshotTable(entries: readonly SnapshotEntry[]): string {
  return table<SnapshotEntry>(
    [
      { title: 'NAME', value: ({ name }) => name },
      { title: 'STATE', value: stateWord },
      { title: 'SAVED', value: ({ savedAt }) => (savedAt === null ? '' : localTime(savedAt)) },
      { title: 'MACHINE', value: ({ machineName }) => machineName ?? '' },
      { title: 'RAM', align: 'right', value: ({ ramBytes }) => (ramBytes === null ? '' : ramSize(ramBytes)) },
      { title: 'ON DISK', align: 'right', value: ({ bytesOnDisk }) => fileSize(bytesOnDisk) },
      {
        title: 'TOOK',
        align: 'right',
        value: ({ manifest }) => (manifest === null ? '' : duration(manifest.timings.totalMs)),
      },
      { title: 'NOTE', value: ({ note }) => note },
    ],
    entries,
  );
}
