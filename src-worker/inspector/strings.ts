/** Listing strings for an inspector: see `InspectorStringsApi`. */
import {
  LEAST_CHARACTERS,
  MAX_FILTER,
  MAX_LISTED_TEXT,
  MAX_STRINGS,
  MOST_CHARACTERS,
  type InspectorStringsApi,
  type ListedString,
  type StringsWanted,
} from '@shared/contracts/inspector-strings';
import type { Lease } from '@shared/contracts/lease';
import type { RamRange } from '@shared/contracts/library';
import { driveStrings, type PlacedString } from '@shared/strings/drive';
import { checkedRanges, isRecord, oneOf, refusedArgument } from './check-ranges';
import { Stepped, type SteppedPart } from './stepped';
import type { InspectorThreads } from './threads';

/** Strings of one step, or a few more. */
const STEP_STRINGS = 5000;
const DOING = 'looking for strings';
const ENCODINGS = ['ascii', 'utf8', 'utf16'] as const;

export interface InspectorStrings {
  readonly api: InspectorStringsApi;
  /** Ends the listing under way. */
  dispose(): void;
}

/** Makes the listing for one file. `ramMap`: from the snapshot's manifest; empty: as the machine type usually has it. */
export function createInspectorStrings(
  lease: Lease,
  ramMap: readonly RamRange[],
  threads: Pick<InspectorThreads, 'apis'>,
): InspectorStrings {
  const stepped = new Stepped<ListedString>(MAX_STRINGS, STEP_STRINGS);

  const api: InspectorStringsApi = {
    async beginStrings(given) {
      const request = checkedWanted(given);
      return stepped.begin(async (cancelled) => {
        const workers = threads.apis();
        const [first] = workers;
        const [plan] = await Promise.all(workers.map((one) => one.openStrings(lease, request)));
        if (first === undefined || plan === undefined) throw new RangeError('no thread looks for strings');
        const { map } = await first.ramMap(lease, ramMap);
        const parts = listed(driveStrings(workers, plan, { most: MAX_STRINGS, ramMap: map, cancelled }));
        return { parts, answer: { bytes: plan.bytes } };
      });
    },

    async nextStrings() {
      const { found, ...rest } = await stepped.next();
      return { strings: found, ...rest };
    },

    endStrings: () => stepped.end(),
  };

  return { api, dispose: () => void stepped.end() };
}

async function* listed(parts: ReturnType<typeof driveStrings>): AsyncGenerator<SteppedPart<ListedString>> {
  for await (const { strings, searchedBytes } of parts) yield { found: strings.map(cut), searchedBytes };
}

const cut = ({ block, blockOffset, guestPhysical, fileOffset, length, text }: PlacedString): ListedString => ({
  block,
  blockOffset,
  guestPhysical,
  fileOffset,
  length,
  text: text.slice(0, MAX_LISTED_TEXT),
});

function checkedWanted(given: StringsWanted): StringsWanted {
  const value: unknown = given;
  if (!isRecord(value)) throw refusedArgument(DOING, 'wanted', 'an object');
  const { least, filter } = value;
  if (typeof least !== 'number' || !Number.isInteger(least) || least < LEAST_CHARACTERS || least > MOST_CHARACTERS)
    throw refusedArgument(DOING, 'least', `a whole number from ${LEAST_CHARACTERS} to ${MOST_CHARACTERS}`);
  if (typeof filter !== 'string' || filter.length > MAX_FILTER)
    throw refusedArgument(DOING, 'filter', `a text of at most ${MAX_FILTER} letters`);
  return {
    encoding: oneOf(ENCODINGS, value['encoding'], DOING),
    least,
    filter,
    ranges: checkedRanges(value['ranges'], DOING),
  };
}
