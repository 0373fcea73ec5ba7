/** Which load engines can bring a snapshot in, and which one is taken. Rules alone. */
import { fail } from '@shared/contracts/failure';
import type { LoadEngine, LoadOutlook, RestoreOptions } from '@shared/contracts/library';
import type { MemoryPlan } from '../../qemu/shared-memory';

export interface LoadFacts {
  /** Of the QEMU that is to load. */
  readonly qemuVersion: string;
  /** Whether that QEMU has the capability. */
  readonly mappedRam: boolean;
  /** What the file is. */
  readonly file: 'mapped-ram' | 'stream';
  /** Blocks of the file. */
  readonly blocks: readonly { readonly name: string; readonly usedLength: number }[];
  /** Whether the VM's main memory can be shared with it. */
  readonly memory: MemoryPlan;
  /** Whether the recipe itself shares all of its memory. */
  readonly sharesItself: boolean;
}

const ENGINES: readonly LoadEngine[] = ['native', 'channels', 'emit'];

/** Every engine, why it cannot, and which one `auto` takes: the first of them that can. */
export function loadOutlook(facts: LoadFacts): LoadOutlook {
  const engines = ENGINES.map((engine) => ({ engine, blocked: whyNot(engine, facts) }));
  const taken = engines.find(({ blocked }) => blocked === null)?.engine;
  return { engines, auto: taken === undefined ? null : { engine: taken, why: whyTaken(taken, facts) } };
}

/** The engine for a load. Throws `restore.preflight` with the reason when the one that was asked for cannot. */
export function chooseLoadEngine({ engines, auto }: LoadOutlook, wanted: RestoreOptions['engine']): LoadEngine {
  const blocked = engines.find(({ engine }) => engine === wanted)?.blocked ?? null;
  if (wanted !== 'auto' && blocked === null) return wanted;
  if (wanted === 'auto' && auto !== null) return auto.engine;
  const todo = auto === null ? 'Restore it with another QEMU.' : `Restore it with the engine ${auto.engine}.`;
  throw fail('restore.preflight', 'restoring the snapshot', blocked ?? 'No engine can load this file here', todo, {
    where: { field: 'engine' },
  });
}

function whyNot(engine: LoadEngine, facts: LoadFacts): string | null {
  const { file } = facts;
  switch (engine) {
    case 'native':
      return file === 'stream' ? null : whyNotNative(facts);
    case 'channels':
      return file === 'stream' ? 'The file is an ordinary stream, which only QEMU reads' : whyNotChannels(facts);
    case 'emit':
      return file === 'stream' ? 'The file is an ordinary stream already, which QEMU reads itself' : null;
  }
}

const whyNotNative = ({ mappedRam, qemuVersion }: LoadFacts): string | null =>
  mappedRam ? null : `QEMU ${qemuVersion} cannot read mapped-ram files; QEMU 9.0 was the first that could`;

function whyNotChannels({ memory, sharesItself, blocks }: LoadFacts): string | null {
  if (sharesItself) return null;
  if (!memory.shared) return `The VM's memory cannot be shared. ${memory.why}`;
  const block = blocks.find(({ name }) => name === memory.block);
  if (block === undefined)
    return `The snapshot has no block ${memory.block}, which is the memory that the recipe names`;
  return block.usedLength === memory.bytes
    ? null
    : `The snapshot has ${String(block.usedLength)} bytes of ${block.name}, and the recipe ${String(memory.bytes)}`;
}

function whyTaken(engine: LoadEngine, facts: LoadFacts): string {
  switch (engine) {
    case 'native':
      return facts.file === 'stream' ? 'QEMU reads its own stream.' : 'QEMU reads mapped-ram files itself.';
    case 'channels':
      return `${whyNotNative(facts) ?? ''}, so channels put the pages into the VM's shared memory.`;
    case 'emit':
      return `${whyNotNative(facts) ?? ''}, so a worker makes a stream of it; ${lowerFirst(whyNotChannels(facts) ?? '')}.`;
  }
}

const lowerFirst = (text: string): string =>
  /^[A-Z][a-z]+ /.test(text) ? `${text.charAt(0).toLowerCase()}${text.slice(1)}` : text;
