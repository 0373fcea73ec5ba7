/** The services for one command: the same that the window has, with worker threads instead of utility processes. */
import { fail } from '@shared/contracts/failure';
import { createServices } from '../compose';
import { moveToTrash } from '../files/trash';
import { findPlaces, type Environment } from '../places';
import type { Services } from '../services';
import { startThreadWorker } from '../workers/thread-worker';

/** Where this command's own parts are, and where it was started. */
export interface Surroundings {
  /** The built worker. */
  readonly workerFile: string;
  readonly resources: string;
  readonly env: Environment;
  readonly cwd: string;
}

/** Makes the services, hands them to `work`, and lets go of everything; VMs go on. */
export async function withServices<T>(
  surroundings: Surroundings,
  library: string | undefined,
  work: (services: Services) => Promise<T>,
): Promise<T> {
  const places = await findPlaces({
    resources: surroundings.resources,
    env: surroundings.env,
    ...(library === undefined ? {} : { library }),
  });
  const services = await createServices({
    places,
    startWorker: (purpose) => startThreadWorker(surroundings.workerFile, purpose),
    trash: moveToTrash,
    reveal: () =>
      Promise.reject(
        fail('usage', 'showing a folder', 'there is no file manager here', 'Open the folder by its path.'),
      ),
  });
  try {
    return await work(services);
  } finally {
    await services.dispose();
  }
}
