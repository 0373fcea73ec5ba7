/** Pages that others have put into a mapped-ram file, before its stream is known. */
import { fail } from '@shared/contracts/failure';
import type { CopiedPages, PlannedBlock } from '@shared/contracts/transfer';
import type { ListedBlock } from './stream-sink';

/** The plan by which pages are put into the file, and the blocks that others put there, by name. */
export interface PagesInPlace {
  readonly plan: readonly PlannedBlock[];
  readonly external: ReadonlySet<string>;
}

const wrong = (what: string): Error =>
  fail('save.incomplete', 'joining memory and devices', what, 'Save the VM again, or with the native engine.');

/**
 * Makes sure that the stream lists the blocks of the plan, in its order. Answers the page size. `save.incomplete` otherwise: the
 * RAM was laid out for another VM than the one whose devices these are.
 */
export function checkPlan(blocks: readonly ListedBlock[], { plan }: PagesInPlace): number {
  if (plan.length !== blocks.length) {
    throw wrong(`the stream lists ${blocks.length} RAM blocks, and ${plan.length} were planned`);
  }
  const pageSize = plan[0]?.pageSize ?? 0;
  for (const [index, planned] of plan.entries()) {
    const listed = blocks[index];
    if (listed?.name !== planned.name || listed.usedLength !== planned.usedLength) {
      const found = listed === undefined ? 'nothing' : `${listed.name} with ${listed.usedLength} bytes`;
      throw wrong(`${planned.name} with ${planned.usedLength} bytes was planned, and the stream lists ${found}`);
    }
    if (planned.pageSize !== pageSize) throw wrong(`${planned.name} was planned with pages of another size`);
  }
  return pageSize;
}

/** Makes sure that what was copied are pages of blocks that others put there; `save.incomplete` otherwise. */
export function checkCopied({ plan, external }: PagesInPlace, copied: CopiedPages): void {
  for (const [name, bitmap] of Object.entries(copied)) {
    const planned = plan.find((block) => block.name === name);
    if (planned === undefined) throw wrong(`${name} was copied and is no RAM block`);
    if (!external.has(name)) throw wrong(`${name} was copied, and pages of it are in the stream`);
    if (lastBit(bitmap) >= planned.usedLength / planned.pageSize) {
      throw wrong(`pages of ${name} were copied that it does not have`);
    }
  }
}

/** The highest bit that is set, −1 when none is. */
function lastBit(bitmap: Uint8Array): number {
  const byte = bitmap.findLastIndex((value) => value !== 0);
  return byte < 0 ? -1 : byte * 8 + 31 - Math.clz32(bitmap[byte] ?? 0);
}
