import { describe, expect, test } from 'vitest';
import { liveHazard } from './live-hazard';
import type { HostBlock } from './ram-map';

const block = (name: string, ramAddress: number, mib: number): HostBlock => ({
  name,
  ramAddress: BigInt(ramAddress * 1024 * 1024),
  usedLength: BigInt(mib * 1024 * 1024),
  host: 0n,
});
const vram = block('0000:00:01.0/vga.vram', 8192, 16);

describe('A live save under TCG', () => {
  test('of a VM with one block of memory, which is the first, has no hazard', () => {
    expect(liveHazard([block('pc.ram', 0, 256), vram], new Set(['pc.ram']))).toBeNull();
  });

  test('of a VM whose first block is shorter than another ends it', () => {
    const blocks = [block('pc.ram', 128, 512), block('m1', 0, 128), vram];
    expect(liveHazard(blocks, new Set(['pc.ram', 'm1']))).toEqual({ kind: 'ends', block: 'pc.ram', first: 'm1' });
  });

  test.each(['n1', '/objects/n1'])('of a VM with memory in another block (%s) may miss writes', (name) => {
    const blocks = [block('n0', 0, 128), block(name, 128, 128), vram];
    expect(liveHazard(blocks, new Set(['n0', 'n1']))).toEqual({ kind: 'misses', block: name });
  });

  test('of a VM of which nothing is known is left to QEMU', () => {
    expect(liveHazard([], new Set())).toBeNull();
  });
});
