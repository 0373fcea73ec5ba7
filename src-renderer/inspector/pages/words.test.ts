import { describe, expect, it } from 'vitest';
import { blockOffset, byteCount, guestPhysical } from '@shared/bytes/units';
import { PAGE_FLAGS } from '@shared/contracts/inspector-pages';
import type { RamRange } from '@shared/contracts/library';
import { SHOWN_AT_FIRST } from '@shared/page-state/page-state';
import { blockOf } from './pages.fixture';
import { problemsHere, stateFindings } from './findings-here';
import { cellWords, fileText, guestText, pagesText, rulerText, spoken, statesText } from './words';

const { present, data } = PAGE_FLAGS;
const plain = (text: string): string => text.replaceAll('\u00a0', ' ');
const block = blockOf('pc.ram', 524_288);
const GIB = 2 ** 30;
const ramMap: readonly RamRange[] = [
  { block: 'pc.ram', blockOffset: blockOffset(0), guestPhysical: guestPhysical(0), length: byteCount(GIB) },
  { block: 'pc.ram', blockOffset: blockOffset(GIB), guestPhysical: guestPhysical(4 * GIB), length: byteCount(GIB) },
];

describe('a selection', () => {
  it('is told by pages, place in the file and in the guest', () => {
    const range = { from: 262_000, to: 262_100 };
    expect(plain(pagesText(range))).toBe('262 000 to 262 099');
    expect(plain(pagesText({ from: 7, to: 8 }))).toBe('7');
    expect(fileText(block, range)).toBe('0x40070000, 0x64000 long');
    expect(guestText(ramMap, block, range)).toBe('0x3ff70000 to 0x3ffd3fff');
  });

  it('over a gap in the guest, or without a RAM map, says so', () => {
    expect(plain(guestText(ramMap, block, { from: 262_143, to: 262_145 }))).toBe(
      '0x3ffff000 to 0x3fffffff, and 1 more range',
    );
    expect(guestText([], block, { from: 0, to: 1 })).toBe('not known: no RAM map');
    expect(guestText(ramMap, blockOf('vga.vram', 9), { from: 0, to: 1 })).toBe('none: no RAM of the guest');
  });

  it('is counted by state', () => {
    const counts = { present: 908, zero: 191, stale: 40, lost: 36, mismatch: 4, changed: 5, duplicate: 0 };
    expect(statesText(counts)).toBe('present 908, zero 191, stale 40, lost 36, mismatch 4, changed 5');
  });
});

describe('a cell', () => {
  const facts = (over: object) => ({
    index: 1,
    facts: { cells: 2, flags: null, counts: null, classes: null, entropy: null, ...over },
  });

  it('that is a page has its state and its looks', () => {
    const known = facts({
      flags: Uint8Array.of(0, present),
      classes: Uint8Array.of(0, 2),
      entropy: Uint8Array.of(0, 140),
    });
    const words = cellWords({ from: 262_915, to: 262_916 }, known, SHOWN_AT_FIRST);
    expect(words).toMatchObject({ state: 'lost', word: 'lost write' });
    expect(plain(spoken(words, true))).toBe('page 262 915, lost write, text, 4.5 bit a byte');
    expect(
      plain(spoken(cellWords({ from: 1, to: 2 }, facts({ flags: Uint8Array.of(0, 3) }), SHOWN_AT_FIRST), true)),
    ).toBe('page 1, present');
  });

  it('that is many pages has their counts, the rarest first in its heading', () => {
    const counts = Uint32Array.from([0, 0, 0, 0, 0, 0, 60, 2, 1, 0, 9, 0]);
    const words = cellWords({ from: 64, to: 128 }, facts({ counts }), SHOWN_AT_FIRST);
    expect(words.word).toBe('lost');
    expect(plain(spoken(words, false))).toBe('pages 64 to 127, present 60, zero 3, stale 1, lost 2');
  });

  it('that is not known or not shown says that', () => {
    expect(cellWords({ from: 1, to: 2 }, null, SHOWN_AT_FIRST).word).toBe('not read yet');
    const hidden = new Set([...SHOWN_AT_FIRST].filter((state) => state !== 'stale'));
    expect(cellWords({ from: 1, to: 2 }, facts({ flags: Uint8Array.of(0, data) }), hidden).word).toBe('not shown');
  });
});

it.each([
  [0, '0'],
  [512 * 2 ** 20, '512 MiB'],
  [100 * 2 ** 20, '100 MiB'],
  [GIB, '1 GiB'],
  [1.5 * GIB, '1.5 GiB'],
  [128 * GIB, '128 GiB'],
])('a ruler has %i as %s', (bytes, text) => expect(plain(rulerText(bytes))).toBe(text));

describe('findings', () => {
  const totals = { pages: 100, present: 60, lost: 36, stale: 1, mismatch: 0, duplicate: 4, changed: 5 };

  it('of pages say how many and where the first is', () => {
    const found = stateFindings({ totals, first: { lost: 262_889 } });
    expect(found.map(({ severity, strong, state }) => [severity, plain(strong), state])).toEqual([
      ['error', '36 lost writes, first 262 889.', 'lost'],
      ['note', '1 stale page.', 'stale'],
    ]);
  });

  it('of the file are those inside the selection, or inside the block', () => {
    const at = (offset: number | null) =>
      ({ code: 'x', severity: 'warning', offset, message: String(offset) }) as const;
    const problems = [at(null), at(5), at(2 ** 20 - 1), at(2 ** 20), at(2 ** 20 + 5 * 4096), at(4 * GIB)];
    const offsets = (selection: { from: number; to: number } | null): (number | null)[] =>
      problemsHere(problems, null, block, selection).map(({ offset }) => offset);
    expect(offsets(null)).toEqual([2 ** 20, 2 ** 20 + 5 * 4096]);
    expect(offsets({ from: 1, to: 6 })).toEqual([2 ** 20 + 5 * 4096]);
    expect(offsets({ from: 1, to: 5 })).toEqual([]);
  });
});
