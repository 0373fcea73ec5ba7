/** Giving room back that was made in the file and not needed, and wiping what must not stay in it. */
import type { Stretches } from '@shared/contracts/ram-files';
import type { Lease, WorkerApi } from '@shared/contracts/worker';
import { giveBack as planGiveBack } from '@shared/multifd/give-back';
import type { PageSet } from '@shared/multifd/page-set';
import type { SaveWorker } from '../save-worker';
import type { SavedRam } from './ram';

/** A worker gets that many stretches in one call, so that a cancel is near: a hole takes 60 to 100 µs. */
const AT_A_TIME = 2048;

/** Punches and zeroes what `giveBack` of src-shared/multifd says, so that the file's size is bounded by its pages. */
export async function giveBack(
  worker: SaveWorker,
  target: Lease,
  { places, pageSize }: SavedRam,
  sets: readonly PageSet[],
): Promise<void> {
  const spaces = places.flatMap(({ pagesOffset }, block) => {
    const set = sets[block];
    return set === undefined ? [] : [{ pagesOffset, pageSize, unused: set.unused(1), stale: set.stale() }];
  });
  const { punch, zero } = planGiveBack(spaces);
  await inParts(worker, punch, (api, some) => api.punch(target, some));
  await inParts(worker, zero, (api, some) => api.zero(target, some));
}

async function inParts(
  worker: SaveWorker,
  stretches: Stretches,
  step: (api: WorkerApi, some: Stretches) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < stretches.length; at += AT_A_TIME * 2) {
    const some = stretches.slice(at, at + AT_A_TIME * 2);
    await worker.run((api) => step(api, some));
  }
}
