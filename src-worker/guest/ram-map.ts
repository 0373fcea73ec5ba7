import type { RamMapSource } from '@shared/contracts/guest-bytes';
import type { RamRange } from '@shared/contracts/library';
import type { ParsedStream } from '@shared/stream/model';
import { machineRamMap } from '../snapshot/machine-ram';

export interface KnownRamMap {
  readonly map: readonly RamRange[];
  readonly source: RamMapSource;
}

/** Where the guest had its RAM: as the manifest says (`given`), else as the machine type usually has it. */
export function ramMapOf(stream: ParsedStream, given: readonly RamRange[]): KnownRamMap {
  if (given.length > 0) return { map: given, source: 'manifest' };
  const map = machineRamMap(stream);
  return { map, source: map.length > 0 ? 'machine-type' : 'none' };
}
