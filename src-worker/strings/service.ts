/** The search for strings that a worker has open: `StringsApi`. */
import { fail } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/lease';
import {
  MAX_UNIT_STRINGS,
  type StringsApi,
  type StringsPlan,
  type StringsRequest,
  type UnitStrings,
} from '@shared/contracts/strings';
import { GuestFile } from '../guest/guest-file';
import { unitRanges } from '../search/ranges';
import { cutIntoUnits, type Unit } from '../search/unit';
import { StringScan } from './scan';

const DOING = 'looking for strings';
/** Bytes of present pages in a unit: their strings make an answer of some hundred KiB. */
const UNIT_BYTES = 1024 * 1024;

interface OpenStrings {
  readonly file: GuestFile;
  readonly units: readonly Unit[];
  readonly scan: StringScan;
  /** In lower case. */
  readonly filter: string;
  readonly plan: StringsPlan;
}

/** A worker's one search for strings. `unitBytes`: present bytes of a unit. */
export function createStrings(unitBytes: number = UNIT_BYTES): StringsApi {
  let open: OpenStrings | null = null;
  const close = (): void => {
    open?.file.close();
    open = null;
  };
  return {
    async openStrings(lease, request) {
      close();
      open = await openStrings(lease, request, unitBytes);
      return open.plan;
    },
    async stringsUnit(index, from) {
      const unit = open?.units[index];
      if (open !== null && unit !== undefined) return unitStrings(open, unit, from);
      throw fail('internal', DOING, `there is no unit ${index}`, 'Report this; it is a fault in Stillframe.');
    },
    async closeStrings() {
      close();
    },
  };
}

function unitStrings({ scan, filter }: OpenStrings, unit: Unit, from: number | null): UnitStrings {
  const found = scan.scan(from === null ? unit : { ...unit, start: Math.max(unit.start, from) });
  const strings = filter === '' ? found : found.filter(({ text }) => text.toLowerCase().includes(filter));
  const next = strings[MAX_UNIT_STRINGS]?.blockOffset ?? null;
  return {
    block: unit.block.name,
    strings: next === null ? strings : strings.slice(0, MAX_UNIT_STRINGS),
    bytes: next === null ? unit.bytes : 0,
    next,
  };
}

async function openStrings(lease: Lease, request: StringsRequest, unitBytes: number): Promise<OpenStrings> {
  const file = await GuestFile.open(lease, DOING);
  try {
    const units = cutIntoUnits(unitRanges(file, request.ranges, DOING), unitBytes);
    const plan = {
      units: units.length,
      bytes: units.reduce((sum, unit) => sum + unit.bytes, 0),
      blocks: file.blocks.map(({ name, pagesOffset }) => ({ name, pagesOffset })),
    };
    const filter = request.filter.toLowerCase();
    return { file, units, scan: new StringScan(file, request.encoding, request.least), filter, plan };
  } catch (error) {
    file.close();
    throw error;
  }
}
