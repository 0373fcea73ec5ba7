/** The registers of a file's CPUs. */
import type { Registers } from '@shared/contracts/devices';
import { fail } from '@shared/contracts/failure';
import { fieldsJson } from '@shared/stream/field-json';
import { registersOf } from '@shared/stream/registers';
import { devicesOf, readDevice } from './device-data';
import type { OpenSnapshot } from './open';

/** Most values of a CPU's section: one with AVX-512 has 1,200. */
const MOST_VALUES = 100_000;

/** CPUs of one file, read when they are first asked for. */
export interface Cpus {
  /** By number, those whose registers are known; in the order of the file. */
  all(): Promise<ReadonlyMap<number, Registers>>;
  /** Rejects with `usage` when the file does not have the CPU, or does not tell its registers. */
  registers(cpu: number): Promise<Registers>;
}

export function createCpus(snapshot: OpenSnapshot): Cpus {
  let reading: Promise<ReadonlyMap<number, Registers>> | null = null;
  const all = (): Promise<ReadonlyMap<number, Registers>> => (reading ??= readCpus(snapshot));
  return { all, registers: async (cpu) => registersFor(snapshot, await all(), cpu) };
}

async function readCpus(snapshot: OpenSnapshot): Promise<ReadonlyMap<number, Registers>> {
  const cpus = new Map<number, Registers>();
  for (const device of await devicesOf(snapshot)) {
    if (device.section.name !== 'cpu') continue;
    const read = await readDevice(snapshot.source, device);
    if (read === null) continue;
    const fields = fieldsJson(read.node, read.data, { values: MOST_VALUES, onProblem: () => undefined });
    const registers = registersOf(device.section.name, fields);
    if (registers !== null) cpus.set(device.section.record.values.instance, registers);
  }
  return cpus;
}

function registersFor(snapshot: OpenSnapshot, cpus: ReadonlyMap<number, Registers>, cpu: number): Registers {
  const found = cpus.get(cpu);
  if (found !== undefined) return found;
  const [what, todo] =
    cpus.size === 0
      ? ['the registers of its CPUs are not known', 'stillframe devices says what is.']
      : [`it has no cpu ${cpu}`, `Its CPUs are: ${[...cpus.keys()].join(', ')}.`];
  throw fail('usage', 'translating an address', what, todo, { where: { path: snapshot.stream.name } });
}

/** Names that stand for an address: a group, as a segment, by its base. */
export const registerNames = (registers: Registers): readonly string[] =>
  Object.entries(registers).map(([name, inner]) => (typeof inner === 'object' ? `${name}.base` : name));
