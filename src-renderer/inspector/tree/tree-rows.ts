/** The visible rows of the structure tree, and where its keys lead. */
import type { StructureNode } from '@shared/contracts/inspect';
import type { Children, FoundField } from '@shared/contracts/inspector-port';
import { comeChildren, foundTrees } from './lazy-nodes';

export interface TreeRow {
  readonly node: StructureNode;
  /** From 1, as aria-level counts. */
  readonly level: number;
  /** null for a node without children. */
  readonly expanded: boolean | null;
  readonly setSize: number;
  readonly place: number;
}

/** The page under the cursor, shown as the one child of its block's pages. */
export interface PageNode {
  readonly parent: string;
  readonly node: StructureNode;
}

type Come = ReadonlyMap<string, Children>;

function childrenOf(node: StructureNode, page: PageNode | null, come: Come): readonly StructureNode[] {
  if (page !== null && page.parent === node.id) return [page.node];
  const children = node.lazy === true ? come.get(node.id) : undefined;
  return children === undefined ? node.children : comeChildren(node, children);
}

/** The rows that show, given which nodes are open and what has come of the lazy ones. */
export function treeRows(
  roots: readonly StructureNode[],
  open: ReadonlySet<string>,
  page: PageNode | null,
  come: Come = new Map(),
): readonly TreeRow[] {
  const rows: TreeRow[] = [];
  const visit = (nodes: readonly StructureNode[], level: number): void => {
    nodes.forEach((node, index) => {
      const children = childrenOf(node, page, come);
      const waits = node.lazy === true && come.get(node.id) === undefined;
      const expanded = children.length === 0 && !waits ? null : open.has(node.id);
      rows.push({ node, level, expanded, setSize: nodes.length, place: index + 1 });
      if (expanded === true) visit(children, level + 1);
    });
  };
  visit(roots, 1);
  return rows;
}

/** Nodes whose label or value holds the text, with the nodes above them, all open; `found`: those below lazy nodes. */
export function filteredRows(
  roots: readonly StructureNode[],
  text: string,
  found: readonly FoundField[] = [],
): readonly TreeRow[] {
  const wanted = text.trim().toLowerCase();
  const trees = foundTrees(found);
  const rows: TreeRow[] = [];
  const visit = (nodes: readonly StructureNode[], level: number): boolean => {
    let any = false;
    nodes.forEach((node, index) => {
      const at = rows.length;
      rows.push({ node, level, expanded: null, setSize: nodes.length, place: index + 1 });
      const below = visit(trees.get(node.id) ?? node.children, level + 1);
      const hit = `${node.label} ${node.value ?? ''}`.toLowerCase().includes(wanted);
      if (below) rows[at] = { node, level, expanded: true, setSize: nodes.length, place: index + 1 };
      if (!hit && !below) rows.length = at;
      any ||= hit || below;
    });
    return any;
  };
  visit(roots, 1);
  return rows;
}

/** Ids that are open at first: the configuration and the first block, as far as its fields. */
export function openAtFirst(roots: readonly StructureNode[]): readonly string[] {
  const open: string[] = [];
  const ram = roots.find(({ children }) => children.some(({ kind }) => kind === 'block'));
  const block = ram?.children.find(({ kind }) => kind === 'block');
  for (const node of [roots.find(({ kind }) => kind === 'configuration'), ram, block]) {
    if (node !== undefined) open.push(node.id);
  }
  for (const child of block?.children ?? []) {
    if (child.kind === 'header' || child.kind === 'pages') open.push(child.id);
  }
  return open;
}

/** What a key does to the tree: move to a row, open or close a node, or activate it. */
export type TreeStep =
  | { readonly kind: 'focus'; readonly id: string }
  | { readonly kind: 'open' | 'close' | 'activate'; readonly id: string }
  | { readonly kind: 'none' };

const none: TreeStep = { kind: 'none' };

/** The ARIA tree keys. `character` keys jump to the next row whose label begins so. */
export function treeStep(rows: readonly TreeRow[], current: string | null, key: string, pageRows: number): TreeStep {
  const at = Math.max(
    0,
    rows.findIndex(({ node }) => node.id === current),
  );
  const row = rows[at];
  if (row === undefined) return none;
  const focus = (index: number): TreeStep => {
    const target = rows[Math.min(Math.max(index, 0), rows.length - 1)];
    return target === undefined ? none : { kind: 'focus', id: target.node.id };
  };
  switch (key) {
    case 'ArrowDown':
      return focus(at + 1);
    case 'ArrowUp':
      return focus(at - 1);
    case 'Home':
      return focus(0);
    case 'End':
      return focus(rows.length - 1);
    case 'PageDown':
      return focus(at + pageRows);
    case 'PageUp':
      return focus(at - pageRows);
    case 'ArrowRight':
      if (row.expanded === false) return { kind: 'open', id: row.node.id };
      return row.expanded === true ? focus(at + 1) : none;
    case 'ArrowLeft':
      if (row.expanded === true) return { kind: 'close', id: row.node.id };
      return focus(parentOf(rows, at) ?? at);
    case 'Enter':
    case ' ':
      return { kind: 'activate', id: row.node.id };
    default:
      return none;
  }
}

/** The row above that is one level up. */
function parentOf(rows: readonly TreeRow[], at: number): number | null {
  const level = rows[at]?.level ?? 1;
  for (let index = at - 1; index >= 0; index -= 1) if ((rows[index]?.level ?? 0) < level) return index;
  return null;
}
