/** Copying the shared memory of a paused VM by channels, with the progress of it in the job. */
import type { Stretches } from '@shared/contracts/ram-files';
import type { ChannelsProgress } from '@shared/contracts/lanes';
import type { SaveProgress } from '@shared/contracts/saves';
import { Coordinator } from '@shared/multifd/coordinator';
import type { PageSink } from '@shared/multifd/coordination';
import { PageSet } from '@shared/multifd/page-set';
import { planWhole } from '@shared/multifd/plan';
import type { ChannelSet } from '../../../services';
import { timers } from '../../../time/timers';
import type { LiveJob } from '../job';
import type { SavedRam } from './ram';

export interface Copied {
  /** For each of `ram.places`. */
  readonly sets: readonly PageSet[];
  readonly pages: number;
  readonly bytes: number;
}

/** The pages of each shared block, of which none is in the file yet. */
export const emptySets = ({ places, pageSize }: SavedRam): readonly PageSet[] =>
  places.map(({ length }) => new PageSet(length, pageSize, true));

/** One pass over everything that was touched, at most `rateLimit` bytes per second. Rejects as `Coordinator.copy` does. */
export async function copyTouched(
  job: LiveJob,
  rateLimit: number | null,
  signal: AbortSignal,
  channels: ChannelSet,
  ram: SavedRam,
  touched: readonly Stretches[],
  sets: readonly PageSet[],
  bytesOnDisk: () => Promise<number>,
): Promise<Copied> {
  const feed = planWhole(ram.places, touched, ram.pageSize);
  const total = feed.remaining;
  const begun = performance.now();
  const coordinator = new Coordinator({
    channels: channels.channels,
    direction: 'save',
    doing: 'copying guest memory',
    clock: timers,
    replace: () => channels.replace(),
    onProgress: (progress) => {
      job.update(shown(progress, total, ram, performance.now() - begun));
      // What cannot be asked is not shown; the copy itself notices a disk that is gone.
      bytesOnDisk().then(
        (fileBytesOnDisk) => job.update({ fileBytesOnDisk }),
        () => undefined,
      );
    },
  });
  coordinator.limitRate(rateLimit);
  const sink: PageSink = {
    saved: (planned, saved) => sets[planned.block]?.take(planned, saved),
    lost: (planned) => sets[planned.block]?.lost(planned),
  };
  const { pages, bytes } = await coordinator.copy(feed, sink, signal);
  job.update(shown(coordinator.progress(), total, ram, performance.now() - begun));
  return { sets, pages, bytes };
}

/** A paused save has one pass, and what it has to look at is known from the start. */
function shown(
  { lanes, bytes, pages, bytesPerSecond, pagesPerSecond, bytesRemaining }: ChannelsProgress,
  total: number,
  { end, pageSize }: SavedRam,
  milliseconds: number,
): Partial<SaveProgress> {
  const pace = (total - bytesRemaining) / Math.max(milliseconds, 1);
  return {
    pass: 1,
    passes: [
      {
        number: 1,
        pagesWritten: pages,
        bytesWritten: bytes,
        zeroPages: Math.max(0, Math.round((total - bytesRemaining) / pageSize) - pages),
        pagesDirtied: null,
        milliseconds,
      },
    ],
    bytesWritten: bytes,
    bytesRemaining,
    pagesWritten: pages,
    pageSize,
    bytesPerSecond,
    pagesPerSecond,
    dirtyBytesPerSecond: 0,
    secondsLeft: pace > 0 ? bytesRemaining / pace / 1000 : null,
    phaseFraction: total === 0 ? 1 : 1 - bytesRemaining / total,
    fileExtent: end,
    lanes,
  };
}
