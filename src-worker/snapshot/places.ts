/** Where a byte of a file is in every way of saying it: offset, block and page, guest-physical, guest-virtual. */
import { fieldOf } from '@shared/bytes/table';
import { guestPhysical, pageIndex } from '@shared/bytes/units';
import { StillframeError } from '@shared/contracts/failure';
import type { LocateQuery, TranslateReport } from '@shared/contracts/inspect';
import type { CpuFacts, DecidingField, PlaceReport, VirtualPlace } from '@shared/contracts/inspector-places';
import type { RamRange } from '@shared/contracts/library';
import { guestPhysicalsOf } from '@shared/ram-map/places';
import { createCpus, registerNames } from './cpus';
import { isPresent, locateInSnapshot, requireMapped, spotInPages, type MappedBlock } from './locate';
import { machineRamMap } from './machine-ram';
import type { OpenSnapshot } from './open';
import { SavedMemory } from './saved-memory';
import { createTranslator, type Translator } from './translate';
import { createVirtualAddresses } from './virtual-addresses';

export interface Places {
  readonly translator: Translator;
  cpus(): Promise<readonly CpuFacts[]>;
  /** Of an offset in the file. Where the guest-virtual address is not known, the report says why. */
  placeOf(offset: number, cpu: number): Promise<PlaceReport>;
  /** The same of whatever `locateInSnapshot` takes, which also says what it rejects with. */
  locate(query: LocateQuery, cpu: number): Promise<PlaceReport>;
  /** Ends what is under way. */
  dispose(): void;
}

/** `ramMap` comes from the snapshot's manifest; where it is empty the machine type decides (`machineRamMap`). */
export function createPlaces(snapshot: OpenSnapshot, ramMap: readonly RamRange[]): Places {
  const known = ramMap.length > 0 ? ramMap : machineRamMap(snapshot.stream);
  const ramMapFrom = ramMap.length > 0 ? 'manifest' : known.length > 0 ? 'machine type' : null;
  const cpus = createCpus(snapshot);
  const translator = createTranslator(snapshot, ramMap, cpus);
  const virtual = createVirtualAddresses(snapshot, known, cpus);
  const memory = new SavedMemory(snapshot, known);

  async function placeOf(offset: number, cpu: number): Promise<PlaceReport> {
    const spot = spotInPages(snapshot, offset);
    const nowhere = {
      fileOffset: offset,
      ramMapFrom,
      cpu,
      guestPhysical: null,
      guestVirtual: null,
      walk: null,
    } as const;
    if (spot === null) {
      const why = 'It is in no page of the guest’s memory.';
      return { ...nowhere, block: null, page: null, within: null, present: null, why, decidedBy: null };
    }
    const block = requireMapped(snapshot, spot.block);
    const { pageSize } = block.header;
    const page = Math.floor(spot.offset / pageSize);
    const inPage = {
      ...nowhere,
      block: block.name,
      page,
      within: spot.offset % pageSize,
      present: await isPresent(snapshot, block, pageIndex(page)).catch(() => null),
      decidedBy: deciderOf(block),
    };
    // A map may say two things of one address; what an address leads to is what counts.
    const addresses = guestPhysicalsOf(known, block.name, spot.offset).filter(
      (address) => memory.spot(guestPhysical(address))?.fileOffset === offset,
    );
    const [first] = addresses;
    if (first === undefined) {
      const why = ramMapFrom === null ? 'No RAM map is known.' : 'The guest has this block nowhere in its memory.';
      return { ...inPage, why };
    }
    return { ...inPage, guestPhysical: first, ...(await virtualPlace(addresses, cpu)) };
  }

  async function virtualPlace(
    addresses: readonly number[],
    cpu: number,
  ): Promise<{ guestVirtual: VirtualPlace | null; why: string | null; walk: TranslateReport | null }> {
    try {
      const { found, why } = await virtual.of(addresses, cpu);
      if (found === null) return { guestVirtual: null, why, walk: null };
      const walk = await translator.ask({ kind: 'gva', gva: found.address, cpu });
      return { guestVirtual: found, why: null, walk };
    } catch (error) {
      if (!(error instanceof StillframeError) || !ANSWERS.has(error.failure.code)) throw error;
      const { what } = error.failure;
      return { guestVirtual: null, why: `${what.charAt(0).toUpperCase()}${what.slice(1)}.`, walk: null };
    }
  }

  return {
    translator,
    cpus: async () => [...(await cpus.all())].map(([cpu, registers]) => ({ cpu, registers: registerNames(registers) })),
    placeOf,
    locate: async (query, cpu) => placeOf((await locateInSnapshot(snapshot, query, known)).fileOffset, cpu),
    dispose: () => virtual.dispose(),
  };
}

/** Of a CPU that is not known, or that is not understood: the rest of the answer stands. */
const ANSWERS: ReadonlySet<string> = new Set(['usage', 'format.unsupported']);

function deciderOf({ header }: MappedBlock): DecidingField {
  const name = 'pages offset';
  const { offset, length } = fieldOf(header.record, name);
  return { name, offset, length, value: header.mapped.pages.offset };
}
