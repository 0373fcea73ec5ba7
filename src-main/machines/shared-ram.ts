/** The memory of a VM that is about to be started: shared where it can be. */
import { fail, failureOf } from '@shared/contracts/failure';
import type { Recipe } from '@shared/contracts/machines';
import type { QemuProbe } from '../qemu/qemu-probe';
import {
  makeSharedRam,
  planHere,
  whyNoHugePages,
  whyNotAsked,
  type MemoryPlan,
  type RamToInherit,
} from '../qemu/shared-memory';

const DOING = 'starting the VM';

/**
 * Makes memory to share with the VM; or says why it will have its own, as a sentence without its full stop. Rejects only when
 * huge pages were asked for and cannot be had: `machine.bad-recipe` where its memory cannot be ours at all,
 * `qemu.did-not-start` where they have to be reserved first.
 */
export async function prepareRam(
  probe: QemuProbe,
  recipe: Recipe,
  hugePages: boolean,
): Promise<(RamToInherit & { readonly why: null }) | { readonly why: string }> {
  const plan = await planFor(probe, recipe);
  if (!plan.shared) {
    if (hugePages)
      throw fail('machine.bad-recipe', DOING, plan.why, 'Start it without --huge-pages; its memory is its own affair.');
    return { why: plan.why };
  }
  const lacking = hugePages ? await whyNoHugePages(plan.bytes) : null;
  if (lacking !== null) throw fail('qemu.did-not-start', DOING, lacking.what, lacking.todo);
  try {
    return { ...(await makeSharedRam(plan, hugePages)), why: null };
  } catch (error) {
    if (hugePages)
      throw fail('qemu.did-not-start', DOING, 'The kernel gives no huge pages', 'Start it without --huge-pages.', {
        cause: error,
      });
    return { why: `The kernel gives no memory to share: ${failureOf(error, DOING).what}` };
  }
}

async function planFor(probe: QemuProbe, recipe: Recipe): Promise<MemoryPlan> {
  const notAsked = whyNotAsked(recipe.program);
  if (notAsked !== null) return { shared: false, why: notAsked };
  try {
    return await planHere(recipe.argv, await probe.outline(recipe));
  } catch (error) {
    // A program that does not run says so itself when it is started.
    return { shared: false, why: `QEMU does not say what it can do: ${failureOf(error, DOING).what}` };
  }
}
