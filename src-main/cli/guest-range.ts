/** What of a guest's memory a command is about: `--block` and `--range`. */
import { hex } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import type { RamRange } from '@shared/contracts/library';
import type { BlockRange } from '@shared/contracts/search';
import type { WorkerApi } from '@shared/contracts/worker';
import { InvalidArgumentError } from 'commander';
import { readSize } from '../files/size';
import type { LentFile } from './lease';

/** From `start` to before `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * `A-B`, both as sizes: from A to before B.
 * @throws InvalidArgumentError (commander's), which becomes a usage failure.
 */
export function byteRange(text: string): ByteRange {
  const [from = '', to = '', ...more] = text.split('-');
  const [start, end] = [readSize(from), readSize(to)];
  if (start !== null && end !== null && start < end && more.length === 0) return { start, end };
  throw new InvalidArgumentError('It must be a range such as 0x1000-0x2000 or 1M-2M, the end behind the last byte.');
}

/**
 * The parts of blocks that are meant: of one block, offsets in it; without one, guest-physical addresses, in their order.
 * null: all of every block.
 *
 * Rejects with `usage` where a range of addresses is given and it is not known where the file's RAM was, or none was there.
 */
export async function rangesMeant(
  worker: Pick<WorkerApi, 'ramMap'>,
  lent: LentFile,
  block: string | undefined,
  range: ByteRange | undefined,
): Promise<readonly BlockRange[] | null> {
  if (block !== undefined) return [{ block, ...(range ?? { start: 0, end: Number.MAX_SAFE_INTEGER }) }];
  if (range === undefined) return null;
  const ranges = rangesOf((await worker.ramMap(lent.lease, lent.ramMap)).map, range);
  if (ranges.length > 0) return ranges;
  throw fail(
    'usage',
    'finding guest-physical addresses',
    `no RAM is known at guest-physical ${hex(range.start)} to ${hex(range.end)}`,
    'Name a block with --block; the range then counts from its start.',
    { where: { path: lent.lease.name } },
  );
}

/** The parts of blocks that lie in a range of guest-physical addresses, ascending by address. */
export function rangesOf(map: readonly RamRange[], { start, end }: ByteRange): readonly BlockRange[] {
  return [...map]
    .sort((a, b) => a.guestPhysical - b.guestPhysical)
    .flatMap(({ block, blockOffset, guestPhysical, length }) => {
      const from = Math.max(start, guestPhysical);
      const to = Math.min(end, guestPhysical + length);
      const shift = blockOffset - guestPhysical;
      return from < to ? [{ block, start: from + shift, end: to + shift }] : [];
    });
}
