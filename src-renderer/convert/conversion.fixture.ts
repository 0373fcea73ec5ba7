/** A conversion in its middle, for tests. */
import type { ConversionId, ConversionJob } from '@shared/contracts/conversions';

export const exampleConversion = (over: Partial<ConversionJob> = {}): ConversionJob => ({
  id: 'c1' as ConversionId,
  name: 'ci-base',
  options: {
    source: { snapshot: '/library/ci-base' },
    to: 'stream',
    target: '/vm/ci-base.stream',
    block: null,
    range: null,
  },
  startedAt: '2026-11-23T14:00:00.000Z',
  progress: {
    phase: 'converting',
    elapsedMs: 2900,
    bytesRead: 1.2e9,
    bytesWritten: 1.2e9,
    bytesPerSecond: 412e6,
    fraction: 0.41,
    secondsLeft: 3,
  },
  cancelling: false,
  outcome: null,
  ...over,
});
