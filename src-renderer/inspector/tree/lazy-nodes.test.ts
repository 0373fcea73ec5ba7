import { describe, expect, it } from 'vitest';
import type { StructureNode } from '@shared/contracts/inspect';
import { comeChildren, foundTrees, grownTree, parentOfMore } from './lazy-nodes';

const node = (id: string, offset: number, length: number, over: Partial<StructureNode> = {}): StructureNode => ({
  ...{ id, kind: 'device', label: id, value: null, offset, length, meaning: '', source: null, pointsTo: null },
  children: [],
  ...over,
});

describe('children that have come', () => {
  const parent = node('data', 100, 80, { lazy: true });
  const fields = [node('data/0', 100, 8), node('data/1', 108, 8)];

  it('are all of them', () => {
    expect(comeChildren(parent, { nodes: fields, total: 2 })).toEqual(fields);
    expect(parentOfMore('data/1')).toBeNull();
  });

  it('or are followed by a row for the others, which covers their bytes', () => {
    const [, , more] = comeChildren(parent, { nodes: fields, total: 10 });
    expect(more).toMatchObject({ label: '8 more', offset: 116, length: 64 });
    expect(parentOfMore(more?.id ?? '')).toBe('data');
  });

  it('stand in the grown tree in place of their parent, but registers do not', () => {
    const registers = node('registers', 100, 0, { lazy: true });
    const inner = node('data/0', 100, 8, { lazy: true });
    const come = new Map([
      ['data', { nodes: [inner, node('data/1', 108, 72)], total: 2 }],
      ['data/0', { nodes: [node('data/0/0', 100, 8)], total: 1 }],
      ['registers', { nodes: [node('registers/0', 100, 8)], total: 1 }],
    ]);
    const [grown] = grownTree([node('cpu', 90, 100, { children: [registers, parent] })], come);
    const leaves = (from: StructureNode | undefined): string[] =>
      from === undefined || from.children.length === 0 ? [from?.id ?? ''] : from.children.flatMap(leaves);
    expect(leaves(grown)).toEqual(['registers', 'data/0/0', 'data/1']);
  });
});

it('finds below one parent share the nodes that lead to them', () => {
  const [a, b, c, d] = [node('data/0', 0, 8), node('data/0/1', 0, 4), node('data/0/2', 4, 4), node('data/5', 8, 8)];
  if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error('there are four');
  const trees = foundTrees([
    { parent: 'data', chain: [a, b] },
    { parent: 'data', chain: [a, c] },
    { parent: 'other', chain: [d] },
  ]);
  expect(trees.get('data')).toEqual([{ ...a, children: [b, c] }]);
  expect(trees.get('other')).toEqual([d]);
});
