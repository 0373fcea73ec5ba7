/** One comparison by several workers, put together block by block. */
import type { DiffApi, DiffPlan, PageCounts, UnitDiff } from '../contracts/diff';
import { inTurn } from '../parallel/in-turn';

export interface BlockDiff extends PageCounts {
  readonly name: string;
  readonly pageSize: number;
  /** Runs of pages that differ: first page and number of pages. */
  readonly ranges: readonly (readonly [page: number, count: number])[];
  /** Whether there are more runs than are listed. */
  readonly more: boolean;
}

/** Most runs that are listed of all blocks together: 16 bytes each, and as many lines for whoever reads them. */
export const MOST_RANGES = 1_000_000;

export interface DiffDriveOptions {
  /** Asked between calls. */
  readonly cancelled?: () => boolean;
  /** Told how many of `plan.bytes` are compared, unit by unit, and what was found in the unit. */
  readonly onProgress?: (bytes: number, unit: UnitDiff) => void;
  readonly mostRanges?: number;
}

/** Only what is called here, of a worker that has the comparison open. */
export type Differ = Pick<DiffApi, 'diffUnit'>;

interface Growing {
  added: number;
  removed: number;
  changed: number;
  readonly ranges: [number, number][];
  more: boolean;
}

/**
 * Compares what is open, with the same files, in every one of `workers`: what is found in each unit, in their order. Rejects
 * with the first failure of a worker; ends early when it was cancelled.
 */
export async function* diffUnits(
  workers: readonly Differ[],
  plan: DiffPlan,
  cancelled: () => boolean = () => false,
): AsyncGenerator<UnitDiff> {
  const turns = inTurn(workers, plan.units, (worker, unit) => worker.diffUnit(unit), cancelled);
  for await (const { answer } of turns) yield answer;
}

/**
 * Compares what is open, with the same files, in every one of `workers`; every block of the plan is in the answer, in its
 * order. Null when it was cancelled. Rejects with the first failure of a worker.
 */
export async function driveDiff(
  workers: readonly Differ[],
  plan: DiffPlan,
  { cancelled = () => false, onProgress, mostRanges = MOST_RANGES }: DiffDriveOptions = {},
): Promise<readonly BlockDiff[] | null> {
  const blocks = new Map<string, Growing>(
    plan.blocks.map(({ name }) => [name, { added: 0, removed: 0, changed: 0, ranges: [], more: false }]),
  );
  let [done, bytes, listed] = [0, 0, 0];
  for await (const unit of diffUnits(workers, plan, cancelled)) {
    const block = blocks.get(unit.block);
    if (block === undefined) throw new RangeError(`no block ${unit.block} was planned`);
    block.added += unit.added;
    block.removed += unit.removed;
    block.changed += unit.changed;
    for (let at = 0; at + 2 < unit.runs.length; at += 3) {
      listed += addRun(block, unit.runs[at] ?? 0, unit.runs[at + 1] ?? 0, listed < mostRanges);
    }
    bytes += unit.bytes;
    done++;
    onProgress?.(bytes, unit);
  }
  if (done < plan.units) return null;
  return plan.blocks.flatMap(({ name, pageSize }) => {
    const block = blocks.get(name);
    return block === undefined ? [] : [{ name, pageSize, ...block }];
  });
}

/** Adds a run behind those that are there, joined to the last one where they touch. Answers how many runs more there are. */
function addRun(block: Growing, page: number, count: number, room: boolean): 0 | 1 {
  const last = block.ranges.at(-1);
  if (last !== undefined && last[0] + last[1] === page) {
    last[1] += count;
    return 0;
  }
  if (!room) {
    block.more = true;
    return 0;
  }
  block.ranges.push([page, count]);
  return 1;
}
