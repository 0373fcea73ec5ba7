import { expect, it } from 'vitest';
import type { BlockReport, InspectReport } from '../contracts/inspect';
import { unlikeness } from './likeness';

const report = (
  machine: string,
  blocks: Readonly<Record<string, number>>,
): Pick<InspectReport, 'machine' | 'ramBlocks'> => ({
  machine,
  ramBlocks: Object.entries(blocks).map(([name, usedLength]) => ({ name, usedLength }) as BlockReport),
});

it('two saves of one VM are alike', () => {
  const one = report('pc-q35-10.0', { 'pc.ram': 4096, vga: 64 });
  expect(unlikeness(one, one)).toEqual([]);
});

it('saves of two VMs are told apart by machine type, blocks and their lengths', () => {
  const a = report('pc-q35-10.0', { 'pc.ram': 4096, vga: 64 });
  const b = report('pc-i440fx-9.0', { 'pc.ram': 8192, a: 1, b: 1, c: 1, d: 1, e: 1 });
  expect(unlikeness(a, b)).toEqual([
    'The machine types differ: pc-q35-10.0 in A, pc-i440fx-9.0 in B.',
    'Only A has vga.',
    'Only B has a, b, c, d and 1 more block.',
    'pc.ram has 0x1000 bytes in A and 0x2000 in B.',
  ]);
});
