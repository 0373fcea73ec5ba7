/** One listing of strings by several workers: units go out to whoever is free, strings come back in the order of the guest. */
import type { FoundString, StringsApi, StringsPlan } from '../contracts/strings';
import type { RamRange } from '../contracts/library';
import { inTurn } from '../parallel/in-turn';
import { guestPhysicalOf } from '../ram-map/places';

/** A string of a block. */
export interface PlacedString extends FoundString {
  readonly block: string;
  readonly guestPhysical: number | null;
  readonly fileOffset: number;
}

export interface StringsPart {
  readonly strings: readonly PlacedString[];
  /** Bytes read so far. */
  readonly searchedBytes: number;
}

export interface StringsDriveOptions {
  /** Stop behind this many. */
  readonly most: number;
  readonly ramMap: readonly RamRange[];
  /** Asked between calls. */
  readonly cancelled?: () => boolean;
}

/**
 * Runs a listing that is open, with the same request, in every one of `workers`. Ends when all is read, when `most` strings were
 * handed out, or when it is cancelled; what is pending is waited for. Rejects with the first failure of a worker.
 */
export async function* driveStrings(
  workers: readonly Pick<StringsApi, 'stringsUnit'>[],
  plan: StringsPlan,
  { most, ramMap, cancelled = () => false }: StringsDriveOptions,
): AsyncGenerator<StringsPart> {
  const pagesOffsets = new Map(plan.blocks.map(({ name, pagesOffset }) => [name, pagesOffset]));
  let [count, searchedBytes] = [0, 0];
  const turns = inTurn(workers, plan.units, (worker, unit) => worker.stringsUnit(unit, null), cancelled);
  for await (const { unit, worker, answer: first } of turns) {
    for (let answer = first; ;) {
      const { block } = answer;
      const strings = answer.strings.slice(0, most - count).map((one): PlacedString => ({
        block,
        ...one,
        guestPhysical: guestPhysicalOf(ramMap, block, one.blockOffset),
        fileOffset: (pagesOffsets.get(block) ?? 0) + one.blockOffset,
      }));
      count += strings.length;
      searchedBytes += answer.bytes;
      yield { strings, searchedBytes };
      if (count >= most || cancelled()) return;
      if (answer.next === null) break;
      answer = await worker.stringsUnit(unit, answer.next);
    }
  }
}
