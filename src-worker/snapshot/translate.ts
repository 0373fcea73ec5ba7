import { guestPhysical, hex, type GuestPhysical } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import type { Registers } from '@shared/contracts/devices';
import type { TranslateQuery, TranslateReport, TranslateStep } from '@shared/contracts/inspect';
import type { RamRange } from '@shared/contracts/library';
import { translate } from '@shared/guest/translate';
import type { Walk, WalkStep } from '@shared/guest/walk';
import { createCpus, registerNames, type Cpus } from './cpus';
import { machineRamMap } from './machine-ram';
import type { OpenSnapshot } from './open';
import { SavedMemory } from './saved-memory';

/** Takes guest-virtual addresses of one file to where they are. Registers and page tables are kept between questions. */
export interface Translator {
  /**
   * Rejects with `usage` for a CPU or a register that the file does not have, and when it is not known where the guest has
   * its RAM; with `format.unsupported` for other CPUs than x86 and AArch64 and for files without fixed places of pages.
   */
  ask(query: TranslateQuery): Promise<TranslateReport>;
}

/** `ramMap` comes from the snapshot's manifest; where it is empty the machine type decides (`machineRamMap`). */
export function createTranslator(
  snapshot: OpenSnapshot,
  ramMap: readonly RamRange[],
  cpus: Cpus = createCpus(snapshot),
): Translator {
  const fromManifest = ramMap.length > 0;
  const known = fromManifest ? ramMap : machineRamMap(snapshot.stream);
  const memory = new SavedMemory(snapshot, known);
  return {
    ask: async (query) => {
      if (known.length === 0) throw noRamMap(snapshot);
      const registers = await cpus.registers(query.cpu);
      const address = addressOf(snapshot, query, registers);
      const walk = await translate(memory, registers, address);
      return {
        gva: hex(address),
        cpu: query.cpu,
        register: query.kind === 'register' ? query.register : null,
        mode: walk.mode,
        steps: walk.steps.map((step) => stepOf(memory, step)),
        ...(await endOf(memory, walk)),
        ramMapFrom: fromManifest ? 'manifest' : 'machine type',
      };
    },
  };
}

/** Registers that hold offsets in a segment; of the others the value is the address. */
const SEGMENT_OF: ReadonlyMap<string, string> = new Map([
  ['rip', 'cs'],
  ['eip', 'cs'],
  ['rsp', 'ss'],
  ['esp', 'ss'],
  ['rbp', 'ss'],
  ['ebp', 'ss'],
]);

function addressOf(snapshot: OpenSnapshot, query: TranslateQuery, registers: Registers): bigint {
  if (query.kind === 'gva') return BigInt.asUintN(64, BigInt(query.gva));
  const value = valueOf(registers, query.register);
  if (value === null) {
    const names = registerNames(registers).join(', ');
    throw refuse(snapshot, `cpu ${query.cpu} has no register ${query.register}`, `It has: ${names}.`);
  }
  const segment = SEGMENT_OF.get(query.register);
  const base = segment === undefined ? null : valueOf(registers, `${segment}.base`);
  // Where a segment moves addresses, they have 32 bits.
  return base === null || base === 0n ? value : BigInt.asUintN(32, value + base);
}

function valueOf(registers: Registers, name: string): bigint | null {
  const [group = '', part] = name.split('.', 2);
  const found = Object.hasOwn(registers, group) ? registers[group] : undefined;
  const value = typeof found === 'object' ? (part === undefined ? undefined : found[part]) : found;
  return value === undefined || (part !== undefined && typeof found !== 'object')
    ? null
    : BigInt.asUintN(64, BigInt(value));
}

function stepOf(memory: SavedMemory, { table, index, entryAt, entry, leadsTo, flags }: WalkStep): TranslateStep {
  const value = entry === null ? null : hex(entry);
  return {
    table,
    index,
    guestPhysical: entryAt,
    fileOffset: memory.spot(entryAt)?.fileOffset ?? null,
    value,
    leadsTo,
    flags,
  };
}

type End = Pick<
  TranslateReport,
  'mapped' | 'why' | 'pageSize' | 'guestPhysical' | 'block' | 'page' | 'fileOffset' | 'present'
>;

async function endOf(memory: SavedMemory, { end }: Walk): Promise<End> {
  const nowhere = { guestPhysical: null, block: null, page: null, fileOffset: null, present: null };
  if (end.kind === 'not-mapped') return { mapped: false, why: `${capital(end.why)}.`, pageSize: null, ...nowhere };
  const address: GuestPhysical = guestPhysical(end.address);
  const found = { mapped: true, why: null, pageSize: end.pageSize, ...nowhere, guestPhysical: address };
  const spot = memory.spot(address);
  if (spot === null) return found;
  const { block, page, fileOffset } = spot;
  return { ...found, block: block.name, page, fileOffset, present: await memory.isPresent(spot) };
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const noRamMap = (snapshot: OpenSnapshot): Error =>
  refuse(
    snapshot,
    'it is not known where this guest has its RAM: neither a manifest nor its machine type says',
    'Name a snapshot of the library, whose manifest holds the RAM map.',
  );

const refuse = (snapshot: OpenSnapshot, what: string, todo: string): Error =>
  fail('usage', 'translating an address', what, todo, { where: { path: snapshot.stream.name } });
