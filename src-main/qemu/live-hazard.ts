/**
 * Whether QEMU can save this VM live at all.
 *
 * While a VM under TCG is saved live, QEMU has to make its translation caches report writes again after every pass. It does
 * so for the right length but always from RAM address 0 on (`cpu_physical_memory_sync_dirty_bitmap` hands on a start inside
 * the block to `tlb_reset_dirty_range_all`, QEMU 10.0.2). So a block that is longer than the first one fails an assertion and
 * ends the VM ("system/physmem.c:871", seen with a DIMM beside `-m`), and writes to memory in any other block but the first
 * may be missed: the file then has old pages (seen with two NUMA nodes). KVM is not affected, nor is a VM that is paused first.
 *
 * QEMU 7.2 misses writes in the first block, too: of a guest in a tight loop the page with its counter was old in 3 of 4
 * streams that QEMU wrote and loaded by itself, in 0 of 4 with 10.0.2. What lies between was not tried, so it counts as old.
 */
import type { MachineFacts } from '@shared/contracts/machines';
import type { Json, Qmp } from '../services';
import { asArray, asObject, asString } from './qmp-wire';
import { parseRamBlocks, type HostBlock } from './ram-map';

export type LiveHazard =
  | { readonly kind: 'ends'; readonly block: string; readonly first: string }
  | { readonly kind: 'misses'; readonly block: string };

/** What goes wrong with a live save under TCG; null when nothing does. `backends`: ids of the VM's memory backends. */
export function liveHazard(blocks: readonly HostBlock[], backends: ReadonlySet<string>): LiveHazard | null {
  const first = blocks.find(({ ramAddress }) => ramAddress === 0n);
  if (first === undefined) return null;
  const longer = blocks.find(({ usedLength }) => usedLength > first.usedLength);
  if (longer !== undefined) return { kind: 'ends', block: longer.name, first: first.name };
  // Some machine types name a backend's block by its whole path.
  const isMemory = ({ name }: HostBlock): boolean => backends.has(name.replace(/^\/objects\//, ''));
  const other = blocks.find((block) => block !== first && isMemory(block));
  return other === undefined ? null : { kind: 'misses', block: other.name };
}

/** Why this VM must be paused before it is saved, as a sentence without its full stop; null when it may be saved live. */
export async function whyNotLive(qmp: Qmp, accelerator: MachineFacts['accelerator']): Promise<string | null> {
  if (accelerator !== 'tcg') return null;
  if (isOld(qmp.version))
    return `QEMU ${qmp.version} with TCG may miss what the guest writes to one page over and over while it is saved live`;
  const [blocks, devices] = await Promise.all([qmp.hmp('info ramblock'), qmp.execute('query-memdev')]);
  const hazard = liveHazard(parseRamBlocks(blocks), idsOf(devices));
  if (hazard === null) return null;
  return hazard.kind === 'ends'
    ? `QEMU with TCG ends itself when it saves this VM live: ${hazard.block} is longer than ${hazard.first}, its first block`
    : `QEMU with TCG may miss what the guest writes to ${hazard.block} while it saves this VM live`;
}

/** First version of which live saves under TCG were seen to be whole, as far as one block of memory goes. */
const isOld = (version: string): boolean => Number(version.split('.')[0]) < 9;

const idsOf = (devices: Json): ReadonlySet<string> =>
  new Set(
    asArray(devices)
      .map((device) => asString(asObject(device)?.['id']))
      .filter((id) => id !== null),
  );
