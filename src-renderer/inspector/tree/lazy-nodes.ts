/** Lazy nodes of the structure tree with as much below them as is known. */
import type { StructureNode } from '@shared/contracts/inspect';
import type { Children, FoundField } from '@shared/contracts/inspector-port';
import { count } from '../../lib/format';

const MORE = '/more';

/** The children of a node that have come; behind them a row that stands for the others. */
export function comeChildren(node: StructureNode, { nodes, total }: Children): readonly StructureNode[] {
  const missing = total - nodes.length;
  if (missing <= 0) return nodes;
  const end = node.offset + node.length;
  const last = nodes.at(-1);
  const offset = last === undefined ? node.offset : last.offset + last.length;
  return [
    ...nodes,
    {
      id: `${node.id}${MORE}`,
      kind: node.kind,
      label: `${count(missing)} more`,
      value: null,
      offset,
      length: Math.max(0, end - offset),
      meaning: 'Shows more of them.',
      source: '',
      pointsTo: null,
      children: [],
    },
  ];
}

/** The node whose further children a row stands for; null for any other row. */
export const parentOfMore = (id: string): string | null => (id.endsWith(MORE) ? id.slice(0, -MORE.length) : null);

/** The tree with everything in it that has come; what has not is one field, as long as all of it. */
export function grownTree(
  roots: readonly StructureNode[],
  come: ReadonlyMap<string, Children>,
): readonly StructureNode[] {
  return roots.map((node) => {
    // Registers are other names of fields, whose bytes are those of the data.
    const children = node.lazy === true && node.length > 0 ? come.get(node.id) : undefined;
    const below = children === undefined ? node.children : comeChildren(node, children);
    return below.length === 0 ? node : { ...node, children: grownTree(below, come) };
  });
}

interface Branch {
  readonly node: StructureNode;
  readonly children: Map<string, Branch>;
}

/** What was found below each lazy node, as trees of nodes: only what leads to a find is in them. */
export function foundTrees(found: readonly FoundField[]): ReadonlyMap<string, readonly StructureNode[]> {
  const tops = new Map<string, Map<string, Branch>>();
  for (const { parent, chain } of found) {
    let level = tops.get(parent) ?? new Map<string, Branch>();
    tops.set(parent, level);
    for (const node of chain) {
      const branch = level.get(node.id) ?? { node, children: new Map<string, Branch>() };
      level.set(node.id, branch);
      level = branch.children;
    }
  }
  return new Map([...tops].map(([id, branches]) => [id, [...branches.values()].map(grown)]));
}

const grown = ({ node, children }: Branch): StructureNode => ({
  ...node,
  children: [...children.values()].map(grown),
});
