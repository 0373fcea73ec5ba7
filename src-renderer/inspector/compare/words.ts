/** What the comparison says. `a` is the file that is open, `b` the one that it is compared with. */
import type { FieldScalar, PageChange, PageCounts } from '@shared/contracts/diff';
import type { SideState } from './pair-side.svelte';
import { duration, percent, rate, size, timeLeft } from '../../lib/format';

/** What happened to a page on the way from A to B. */
export const CHANGE_WORDS: Readonly<Record<PageChange, string>> = {
  added: 'added',
  removed: 'removed',
  changed: 'changed',
};

/** What stands in place of bytes that a file does not have. */
export const SIDE_SAYS: Readonly<Record<Exclude<SideState, 'bytes'>, string>> = {
  absent: 'Not in this file: zeros in the guest.',
  lost: 'No bytes on disk: a write was lost, a load gives zeros.',
  beyond: 'This file has no such page.',
  unknown: '',
};

export const differing = ({ added, removed, changed }: PageCounts): number => added + removed + changed;

/** How far a comparison is. */
export interface Progress {
  readonly done: number;
  readonly bytes: number;
  readonly milliseconds: number;
}

/** "Comparing, 42 %. 1.20 GB of 3.40 GB, 812 MB/s, 3 s left." */
export function progressSentence({ done, bytes, milliseconds }: Progress): string {
  const share = bytes === 0 ? '' : `, ${percent(done / bytes)}`;
  const perSecond = milliseconds > 0 ? done / (milliseconds / 1000) : 0;
  const left = perSecond > 0 ? `${timeLeft((bytes - done) / perSecond)} left` : 'time left unknown';
  return `Comparing${share}. ${size(done)} of ${size(bytes)}, ${rate(perSecond)}, ${left}.`;
}

/** "Stopped at 42 %: 1.20 GB of 3.40 GB are compared." */
export const stoppedSentence = ({ done, bytes }: Progress): string =>
  bytes === 0
    ? 'Stopped before the pages were compared.'
    : `Stopped at ${percent(done / bytes)}: ${size(done)} of ${size(bytes)} are compared.`;

/** "3.40 GB of pages compared in 4.2 s, 812 MB/s." */
export function doneSentence({ bytes, milliseconds }: Progress): string {
  const perSecond = milliseconds > 0 ? bytes / (milliseconds / 1000) : 0;
  return `${size(bytes)} of pages compared in ${duration(milliseconds)}, ${rate(perSecond)}.`;
}

/** A value of a device's field. */
export const scalarText = (value: FieldScalar): string => (value === null ? 'not there' : String(value));
