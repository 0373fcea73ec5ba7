import { describe, expect, it } from 'vitest';
import type { BlockReport, InspectReport } from '@shared/contracts/inspect';
import type { InspectedFile } from '@shared/contracts/inspector-port';
import { doneSentence, progressSentence, stoppedSentence, unlikeness } from './words';

const plain = (text: string): string => text.replace(/\s/g, ' ');
const file = (machine: string, blocks: readonly string[]): InspectedFile => {
  const report = { machine, ramBlocks: blocks.map((name) => ({ name }) as BlockReport) } as unknown as InspectReport;
  return { report } as InspectedFile;
};

describe('a comparison says', () => {
  it('how far it is, how fast, and how long it takes', () => {
    const progress = { done: 1_200_000_000, bytes: 3_600_000_000, milliseconds: 1500 };
    expect(plain(progressSentence(progress))).toBe('Comparing, 33 %. 1.20 GB of 3.60 GB, 800 MB/s, 3 s left.');
    expect(plain(stoppedSentence(progress))).toBe('Stopped at 33 %: 1.20 GB of 3.60 GB are compared.');
    expect(plain(doneSentence(progress))).toBe('3.60 GB of pages compared in 1.5 s, 2 400 MB/s.');
    expect(plain(progressSentence({ done: 0, bytes: 10, milliseconds: 0 }))).toContain('time left unknown');
  });

  it('why the two may not be of one VM', () => {
    expect(unlikeness(file('pc-q35-10.0', ['pc.ram']), file('pc-q35-10.0', ['pc.ram']))).toEqual([]);
    expect(
      unlikeness(file('pc-q35-10.0', ['pc.ram', 'vga']), file('pc-i440fx-9.0', ['pc.ram', 'a', 'b', 'c', 'd', 'e'])),
    ).toEqual([
      'The machine types differ: pc-q35-10.0 in A, pc-i440fx-9.0 in B.',
      'Only A has vga.',
      'Only B has a, b, c, d and 1\u00a0more block.',
    ]);
    expect(unlikeness({ ...file('a', []), report: null }, file('b', []))).toEqual([]);
  });
});
