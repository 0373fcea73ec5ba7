/** The structure tree made quick to ask: what lies at an offset, what decides it, which fields are long. */
import type { StructureKind, StructureNode } from '@shared/contracts/inspect';
import { lastAtMost, type LongField } from '../bytes/rows';

/** Fields of at least this many bytes can be folded. */
const LONG_FIELD_BYTES = 192;

/** A leaf and the nodes above it, the outermost first. */
export interface Leaf {
  readonly node: StructureNode;
  /** What it counts as: the framing of a device's section is part of the device. */
  readonly kind: StructureKind;
  readonly parents: readonly StructureNode[];
}

export interface Structure {
  readonly roots: readonly StructureNode[];
  /** Every node without children and with bytes, by offset. */
  readonly leaves: readonly Leaf[];
  /** Fields that say where something else is, and their parents. */
  readonly pointers: readonly Leaf[];
  readonly longFields: readonly LongField[];
}

export const noStructure: Structure = { roots: [], leaves: [], pointers: [], longFields: [] };

const endOf = (node: StructureNode): number => node.offset + node.length;

/** Field names that mean little without the structure they are in: "bitmap of pc.ram". */
function titleOf({ node, parents }: Leaf): string {
  const block = parents.find(({ kind }) => kind === 'block');
  if (block !== undefined) return `${node.label} of ${block.label}`;
  const parent = parents.at(-1);
  return parent === undefined ? node.label : `${parent.label}, ${node.label}`;
}

function longFieldsOf(leaves: readonly Leaf[]): readonly LongField[] {
  const fields: LongField[] = [];
  for (const leaf of leaves) {
    const { node } = leaf;
    if (node.kind === 'pages' || node.length < LONG_FIELD_BYTES) continue;
    // Of fields that lie over each other (a hostile file) the first stays.
    if (node.offset >= (fields.at(-1)?.to ?? 0))
      fields.push({ from: node.offset, to: endOf(node), title: titleOf(leaf) });
  }
  return fields;
}

export function structureOf(roots: readonly StructureNode[]): Structure {
  const leaves: Leaf[] = [];
  const pointers: Leaf[] = [];
  const visit = (node: StructureNode, parents: readonly StructureNode[]): void => {
    const kind = parents.some((parent) => parent.kind === 'device') ? 'device' : node.kind;
    if (node.pointsTo !== null) pointers.push({ node, kind, parents });
    if (node.children.length === 0 && node.length > 0) leaves.push({ node, kind, parents });
    for (const child of node.children) visit(child, [...parents, node]);
  };
  for (const root of roots) visit(root, []);
  leaves.sort((a, b) => a.node.offset - b.node.offset);
  return { roots, leaves, pointers, longFields: longFieldsOf(leaves) };
}

/** The field or region at `offset`; null where nothing is known. */
export function leafAt(structure: Structure, offset: number): Leaf | null {
  const leaf = structure.leaves[lastAtMost(structure.leaves, offset, ({ node }) => node.offset)];
  return leaf !== undefined && offset < endOf(leaf.node) ? leaf : null;
}

/** Leaves that have a byte in [from, to), in file order. */
export function leavesIn(structure: Structure, from: number, to: number): readonly Leaf[] {
  const first = Math.max(
    0,
    lastAtMost(structure.leaves, from, ({ node }) => node.offset),
  );
  const found: Leaf[] = [];
  for (let at = first; at < structure.leaves.length; at += 1) {
    const leaf = structure.leaves[at];
    if (leaf === undefined || leaf.node.offset >= to) break;
    if (endOf(leaf.node) > from) found.push(leaf);
  }
  return found;
}

/** The header field that decides what is at `offset`: of several, the one whose target is the smallest. */
export function decidedBy(structure: Structure, offset: number): Leaf | null {
  let found: Leaf | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const pointer of structure.pointers) {
    const target = pointer.node.pointsTo;
    if (target === null || offset < target.offset || offset >= target.offset + target.length) continue;
    if (target.length < least) [found, least] = [pointer, target.length];
  }
  return found;
}

/** Which swatch and tint stand for a kind; null for bytes that are nobody's. */
export function swatchOf(kind: StructureKind): string | null {
  switch (kind) {
    case 'container':
    case 'command':
    case 'eof':
      return 'container';
    case 'configuration':
    case 'block':
    case 'header':
    case 'bitmap':
    case 'pages':
    case 'description':
      return kind;
    case 'section':
      return 'block';
    case 'device':
      return 'section';
    case 'padding':
    case 'trailing':
    case 'unknown':
      return null;
  }
}
