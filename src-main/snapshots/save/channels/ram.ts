/** The shared memory of a VM that is to be saved by channels: opened, lent, and placed in the file to be written. */
import { byteCount, fileOffset } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import type { Stretches } from '@shared/contracts/ram-files';
import type { PlannedBlock } from '@shared/contracts/transfer';
import type { Lease, WorkerApi } from '@shared/contracts/worker';
import { planBlocks, planEnd } from '@shared/mapped-ram/plan';
import type { BlockPlace } from '@shared/multifd/places';
import { openRamFile, readRamFiles, type BlockMemory, type SharedMemory } from '../../../qemu/ram-files';
import type { SaveContext } from '../context';
import type { SaveWorker } from '../save-worker';

/** Every RAMBlock of the VM with its place in the file, and those among them that channels copy. */
export interface SavedRam {
  /** In the stream's order. */
  readonly plan: readonly PlannedBlock[];
  /** Behind the pages of the last block. */
  readonly end: number;
  /** The blocks in shared memory. */
  readonly places: readonly BlockPlace[];
  /** The files of RAM that `places` name by index. */
  readonly files: readonly Lease[];
  readonly pageSize: number;
}

/** Stretches of one file that a worker tells at a time: memory that was touched page by page has hundreds of thousands. */
const MOST_STRETCHES = 16_384;

/** Opens what is shared of the VM's RAM for reading, and plans the file. Pushes how to let go of it. */
export async function openRam({ vm, undo, rooms }: SaveContext, pageSize: number): Promise<SavedRam> {
  const blocks = await readRamFiles(vm.qmp, vm.machine.pid);
  const shared = blocks.filter((block) => block.shared !== null);
  if (shared.length === 0) throw notShared(blocks);
  const files: Lease[] = [];
  const indexOf = new Map<string, number>();
  for (const { shared: memory } of shared) {
    if (indexOf.has(keyOf(memory))) continue;
    const { lease, release } = await rooms.files.lend(await openRamFile(memory, 'r'), "the VM's memory");
    undo.push("letting go of the VM's memory", release);
    indexOf.set(keyOf(memory), files.push(lease) - 1);
  }
  const plan = planBlocks(blocks.map(({ name, usedLength }) => ({ name, usedLength, pageSize })));
  const offsets = new Map(plan.map(({ name, pagesOffset }) => [name, pagesOffset]));
  const places = shared.map(({ name, usedLength, shared: memory }) => ({
    name,
    ram: indexOf.get(keyOf(memory)) ?? 0,
    ramOffset: fileOffset(memory.offset),
    length: byteCount(usedLength),
    pagesOffset: fileOffset(offsets.get(name) ?? 0),
  }));
  return { plan, end: planEnd(plan), places, files, pageSize };
}

const keyOf = ({ dev, ino }: SharedMemory): string => `${dev}:${ino}`;

function notShared(blocks: readonly BlockMemory[]): Error {
  const [largest] = [...blocks].sort((a, b) => b.usedLength - a.usedLength);
  const why = largest === undefined ? 'It has no RAM' : `${largest.name} ${largest.why ?? 'is not shared'}`;
  return fail('save.blocked', 'preparing the save', why, 'Save it with the native engine.');
}

/**
 * Where each shared block has memory that was ever touched, in bytes of its file of RAM. A guest that runs may touch more
 * right afterwards.
 */
export async function touchedIn(worker: SaveWorker, { places, files }: SavedRam): Promise<readonly Stretches[]> {
  const touched: Stretches[] = [];
  for (const { ram, ramOffset, length } of places) {
    const lease = files[ram];
    if (lease === undefined) throw new RangeError(`there is no file of RAM ${String(ram)}`);
    touched.push(await worker.run((api) => allData(api, lease, ramOffset, length)));
  }
  return touched;
}

async function allData(api: WorkerApi, lease: Lease, offset: number, length: number): Promise<Stretches> {
  const stretches: number[] = [];
  for (let at: number | null = offset; at !== null;) {
    const found: Awaited<ReturnType<WorkerApi['dataIn']>> = await api.dataIn(
      lease,
      at,
      offset + length - at,
      MOST_STRETCHES,
    );
    stretches.push(...found.data);
    at = found.next;
  }
  return stretches;
}
