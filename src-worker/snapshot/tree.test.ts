import { describe, expect, it } from 'vitest';
import { MemorySource } from '@shared/bytes/memory-source';
import type { StructureNode } from '@shared/contracts/inspect';
import { buildStream, type BuiltStream } from '../../test/support/stream-builder';
import { openSnapshot } from './open';
import { structureTree } from './tree';

const RAM = { name: 'pc.ram', usedLength: 70 * 4096, present: [3] };

async function treeOf(options: BuiltStream, cut?: number): Promise<readonly StructureNode[]> {
  const bytes = buildStream(options).subarray(0, cut);
  return structureTree(await openSnapshot(new MemorySource(bytes)));
}

const leavesOf = (nodes: readonly StructureNode[]): StructureNode[] =>
  nodes.flatMap((node) => (node.children.length === 0 ? [node] : leavesOf(node.children)));

function coverOf(nodes: readonly StructureNode[]): number {
  const leaves = leavesOf(nodes)
    .filter(({ length }) => length > 0)
    .sort((a, b) => a.offset - b.offset);
  return leaves.reduce((end, leaf) => {
    expect(`${leaf.id} ${leaf.offset}`).toBe(`${leaf.id} ${end}`);
    return leaf.offset + leaf.length;
  }, 0);
}

describe('the structure tree', () => {
  it('has one node for the many PARTs beyond a thousand, and still covers the file', async () => {
    const records = new Array<() => void>(30_000).fill(() => undefined);
    const options = { mapped: false, blocks: [{ name: 'pc.ram', usedLength: 4096 }], records };
    const tree = await treeOf(options);
    expect(tree.length).toBeLessThan(1020);
    expect(tree.filter(({ label }) => label === 'further sections')).toHaveLength(1);
    expect(tree.slice(-4).map(({ label }) => label)).toEqual(['SECTION_END ram', 'Devices', 'EOF', 'VMDESCRIPTION']);
    expect(coverOf(tree)).toBe(buildStream(options).length);
  });

  it('names what follows the stream, what stands before it, and what was not understood', async () => {
    const trailing = await treeOf({ blocks: [RAM], trailing: new Uint8Array(9), at: 100 });
    expect(trailing.at(0)).toMatchObject({ kind: 'padding', offset: 0, length: 100 });
    expect(trailing.at(-1)).toMatchObject({ kind: 'trailing', length: 9 });
    const whole = buildStream({ blocks: [RAM] }).length;
    const broken = await treeOf({ blocks: [RAM], eof: false, devices: [] }, whole);
    expect(coverOf(broken)).toBe(buildStream({ blocks: [RAM], eof: false, devices: [] }).length);
  });

  it('keeps the header of a section that the file ends in', async () => {
    const bytes = buildStream({ blocks: [RAM] });
    const at = Buffer.from(bytes).indexOf('timer');
    const tree = await treeOf({ blocks: [RAM] }, at + 20);
    expect(tree.find(({ id }) => id === 'devices')?.children[0]).toMatchObject({ label: 'timer', kind: 'device' });
    expect(tree.at(-1)).toMatchObject({ kind: 'unknown' });
  });

  it('shows a skipped block without bitmap and pages', async () => {
    const tree = await treeOf({ blocks: [{ ...RAM, skipped: true }] });
    const ids = leavesOf(tree).map(({ id }) => id);
    expect(ids).toContain('ram/pc.ram/header/pages offset');
    expect(ids.some((id) => id === 'ram/pc.ram/pages' || id === 'ram/pc.ram/bitmap')).toBe(false);
  });
});
