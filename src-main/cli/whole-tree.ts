import type { StructureNode } from '@shared/contracts/inspect';
import type { Lease, WorkerApi } from '@shared/contracts/worker';

/** Fields in the tree of one file: VMs have some 60,000. Keeps a hostile file from filling memory. */
const MOST_FIELDS = 2_000_000;

/** The structure tree of a file with the fields of its devices in it; past a limit, devices are left without. */
export async function treeWithFields(worker: WorkerApi, lease: Lease): Promise<readonly StructureNode[]> {
  const tree = await worker.tree(lease);
  const fields = new Map<string, readonly StructureNode[]>();
  let count = 0;
  for (let from: number | null = 0; from !== null && count < MOST_FIELDS;) {
    const page = await worker.deviceTrees(lease, from);
    for (const { id, children } of page.trees) fields.set(id, children);
    count += page.nodes;
    from = page.next;
  }
  return tree.map((node) => grow(node, fields));
}

function grow(node: StructureNode, fields: ReadonlyMap<string, readonly StructureNode[]>): StructureNode {
  const { lazy, ...plain } = node;
  const found = fields.get(node.id);
  if (lazy === true) return found === undefined ? plain : { ...plain, children: found };
  return node.children.length === 0 ? node : { ...node, children: node.children.map((child) => grow(child, fields)) };
}
