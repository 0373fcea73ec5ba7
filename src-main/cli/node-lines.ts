/** Nodes of the structure tree as lines for people. */
import { hex } from '@shared/bytes/units';
import type { StructureNode } from '@shared/contracts/inspect';
import { printable } from './format';

/** Every node below `node`, one a line, indented by depth. Neighbours of an array with one value share a line. */
export function fieldLines(node: StructureNode, depth: number): readonly string[] {
  const lines: string[] = [];
  const { children } = node;
  for (let at = 0; at < children.length;) {
    const child = children[at];
    if (child === undefined) break;
    const alike = countAlike(children, at);
    const label = alike === 1 ? child.label : `${child.label} … ${children[at + alike - 1]?.label ?? ''}`;
    lines.push(line({ ...child, label }, depth), ...fieldLines(child, depth + 1));
    at += alike;
  }
  return lines;
}

/** One node: its place, its label, its value and what is worth saying of it. */
export function line({ offset, label, value, meaning }: StructureNode, depth: number): string {
  const text = `${'  '.repeat(depth)}${printable(label)}${value === null || value === '' ? '' : ` ${printable(value)}`}`;
  return `${hex(offset).padEnd(12)}${text}${meaning === '' ? '' : `   ${printable(meaning)}`}`;
}

/** How many siblings from `at` on are elements of one array with one value. */
function countAlike(nodes: readonly StructureNode[], at: number): number {
  const first = nodes[at];
  if (first === undefined || !first.label.startsWith('[') || first.children.length > 0) return 1;
  let end = at + 1;
  for (let next = nodes[end]; next !== undefined; next = nodes[++end]) {
    const same = next.value === first.value && next.label.startsWith('[') && next.children.length === 0;
    if (!same || next.meaning !== first.meaning) break;
  }
  return end - at;
}
