/** Wiping what must not stay in the file of a save by channels. */
import type { Stretches } from '@shared/contracts/ram-files';
import type { Lease } from '@shared/contracts/worker';
import { giveBack } from '@shared/multifd/give-back';
import type { PageSet } from '@shared/multifd/page-set';
import type { SaveWorker } from '../save-worker';
import type { SavedRam } from './ram';

/** A worker deals with that many stretches in one call, so that a cancel is near: a hole takes 0.06 to 0.1 ms. */
const AT_A_TIME = 2048;

/** Makes holes or zeros of what was written for pages that are not present: a channel that died may have left some. */
export async function giveBackStale(
  worker: SaveWorker,
  target: Lease,
  { places, pageSize }: SavedRam,
  sets: readonly PageSet[],
): Promise<void> {
  const { punch, zero } = giveBack(
    places.map(({ pagesOffset }, block) => ({ pagesOffset, pageSize, stale: sets[block]?.stale() ?? [] })),
  );
  for (const some of portions(punch)) await worker.run((api) => api.punch(target, some));
  for (const some of portions(zero)) await worker.run((api) => api.zero(target, some));
}

function* portions(stretches: Stretches): Generator<Stretches> {
  for (let at = 0; at < stretches.length; at += AT_A_TIME * 2) yield stretches.slice(at, at + AT_A_TIME * 2);
}
