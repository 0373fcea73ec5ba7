/** The segments at hand: one unbroken stretch of the file that grows where the view goes. */
import type { Segment } from '@shared/contracts/inspector-port';

/** Segments kept; the far end is let go. */
const MOST_SEGMENTS = 4096;

const endOf = (segment: Segment): number => segment.offset + segment.length;

/**
 * Joins newly learned segments to those at hand. What does not touch them replaces them. When there are too many, those
 * farthest from `keep` go.
 */
export function joined(known: readonly Segment[], learned: readonly Segment[], keep: number): readonly Segment[] {
  const [firstKnown, lastKnown] = [known[0], known.at(-1)];
  const [firstLearned, lastLearned] = [learned[0], learned.at(-1)];
  if (firstLearned === undefined || lastLearned === undefined) return known;
  if (firstKnown === undefined || lastKnown === undefined) return learned;
  if (endOf(lastLearned) < firstKnown.offset || firstLearned.offset > endOf(lastKnown)) return learned;
  const before = known.filter((segment) => segment.offset < firstLearned.offset);
  const after = known.filter((segment) => segment.offset >= endOf(lastLearned));
  return trimmed([...before, ...learned, ...after], keep);
}

function trimmed(segments: readonly Segment[], keep: number): readonly Segment[] {
  if (segments.length <= MOST_SEGMENTS) return segments;
  const at = segments.findIndex((segment) => endOf(segment) > keep);
  const from = Math.min(Math.max(0, at - MOST_SEGMENTS / 2), segments.length - MOST_SEGMENTS);
  return segments.slice(from, from + MOST_SEGMENTS);
}
