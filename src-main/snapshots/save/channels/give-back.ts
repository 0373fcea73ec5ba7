/** Giving room back that was made in the file and not needed, and wiping what must not stay in it. */
import type { Stretches } from '@shared/contracts/ram-files';
import type { Lease } from '@shared/contracts/worker';
import type { PageSet } from '@shared/multifd/page-set';
import type { SaveWorker } from '../save-worker';
import type { SavedRam } from './ram';

/** A worker makes that many holes in one call, so that a cancel is near: a hole takes 0.02 to 0.1 ms. */
const HOLES_AT_A_TIME = 2048;

/** Punches everything of the copied blocks that is allocated in the file and not present. */
export async function giveBack(
  worker: SaveWorker,
  target: Lease,
  { places, pageSize }: SavedRam,
  sets: readonly PageSet[],
): Promise<void> {
  const stretches: number[] = places.flatMap(({ pagesOffset }, block) =>
    (sets[block]?.unused(1) ?? []).map((page) => pagesOffset + page * pageSize),
  );
  for (let at = 0; at < stretches.length; at += HOLES_AT_A_TIME * 2) {
    const some: Stretches = stretches.slice(at, at + HOLES_AT_A_TIME * 2);
    await worker.run((api) => api.punch(target, some));
  }
}
