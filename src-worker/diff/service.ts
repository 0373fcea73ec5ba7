/** The comparison that a worker has open: `DiffApi`. */
import type { DiffApi, DiffPlan } from '@shared/contracts/diff';
import { fail } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/lease';
import { GuestFile } from '../guest/guest-file';
import { withLease } from '../io/lease';
import { openSnapshot } from '../snapshot/open';
import { PageComparison } from './compare';
import { diffDevices } from './devices';
import { DIFF_STEP } from './kernels';
import { cutPairs, pairBlocks, type PairUnit } from './pairs';

const DOING = 'comparing two files';

interface OpenDiff {
  readonly files: readonly [GuestFile, GuestFile];
  readonly units: readonly PairUnit[];
  readonly comparison: PageComparison;
  readonly plan: DiffPlan;
}

/** A worker's one comparison. */
export function createDiff(): DiffApi {
  let open: OpenDiff | null = null;
  const close = (): void => {
    for (const file of open?.files ?? []) file.close();
    open = null;
  };
  return {
    async openDiff(a, b, block) {
      close();
      open = await openDiff(a, b, block);
      return open.plan;
    },
    async diffUnit(index) {
      const unit = open?.units[index];
      if (open !== null && unit !== undefined) return open.comparison.compare(unit);
      throw fail('internal', DOING, `there is no unit ${index}`, 'Report this; it is a fault in Stillframe.');
    },
    async closeDiff() {
      close();
    },
    diffDevices: (a, b) =>
      withLease(a, (sourceA) =>
        withLease(b, async (sourceB) =>
          diffDevices(
            await openSnapshot(sourceA, { streamOffset: a.streamOffset }),
            await openSnapshot(sourceB, { streamOffset: b.streamOffset }),
          ),
        ),
      ),
  };
}

async function openDiff(leaseA: Lease, leaseB: Lease, block: string | null): Promise<OpenDiff> {
  const a = await GuestFile.open(leaseA, DOING);
  try {
    const b = await GuestFile.open(leaseB, DOING);
    try {
      const { pairs, apart } = pairBlocks(a, b, block);
      const units = cutPairs(pairs);
      const comparison = new PageComparison(a, b, Math.max(DIFF_STEP, ...pairs.map(({ pageSize }) => pageSize)));
      const plan = {
        units: units.length,
        bytes: units.reduce((sum, unit) => sum + unit.bytes, 0),
        blocks: pairs.map(({ name, pageSize, a: inA, b: inB }) => ({
          name,
          pageSize,
          pagesA: inA?.pages ?? null,
          pagesB: inB?.pages ?? null,
        })),
        apart,
      };
      return { files: [a, b], units, comparison, plan };
    } catch (error) {
      b.close();
      throw error;
    }
  } catch (error) {
    a.close();
    throw error;
  }
}
