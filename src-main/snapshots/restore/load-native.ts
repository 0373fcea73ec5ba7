/** The native load engine: QEMU reads the file itself, mapped-ram or not, through descriptors that it inherits. */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { openFailure } from '../../files/registry';
import { loadIncoming, type Loader, type LoadPlan } from './loader';

/** Far from the small numbers a recipe's own `-add-fd` would use. */
const FDSET = 1_000_000;

export async function nativeLoader(plan: LoadPlan): Promise<Loader> {
  const handles = await openToLoad(plan);
  const { mappedRam, streamOffset } = plan;
  const offset = streamOffset === 0 ? '' : `,offset=${String(streamOffset)}`;
  const capabilities = mappedRam === null ? ['events'] : ['events', 'mapped-ram', 'multifd'];
  return {
    inherit: handles.map(({ fd }) => ({
      fd,
      argv: (number) => ['-add-fd', `fd=${String(number)},set=${String(FDSET)},opaque=stillframe`],
    })),
    load: async (waiting, stallMs) => {
      await loadIncoming(
        waiting,
        {
          uri: `file:/dev/fdset/${String(FDSET)}${offset}`,
          capabilities: new Map(capabilities.map((name) => [name, true])),
          parameters:
            mappedRam === null ? {} : { 'multifd-channels': mappedRam.channels, 'direct-io': handles.length > 1 },
        },
        stallMs,
      );
      await waiting.qmp.execute('remove-fd', { 'fdset-id': FDSET });
    },
    release: async () => {
      await Promise.all(handles.map((handle) => handle.close()));
    },
  };
}

/** One description to read through the page cache and, where the file system takes it, one with O_DIRECT (fdset rules). */
async function openToLoad({ memoryFile, mappedRam }: LoadPlan): Promise<readonly FileHandle[]> {
  const buffered = await open(memoryFile, constants.O_RDONLY).catch((cause: unknown) => {
    throw openFailure(memoryFile, cause);
  });
  if (mappedRam === null) return [buffered];
  try {
    return [buffered, await open(memoryFile, constants.O_RDONLY | constants.O_DIRECT)];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return [buffered];
    await buffered.close();
    throw openFailure(memoryFile, error);
  }
}
