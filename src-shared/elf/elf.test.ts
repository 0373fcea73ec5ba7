import { describe, expect, it } from 'vitest';
import { blockOffset, byteCount, guestPhysical } from '../bytes/units';
import type { RamRange } from '../contracts/library';
import { coreHead, layOutCore } from './core';
import { cpuNotes, joined, machineOf, notesRoomFor, vmcoreinfoNote, type CoreCpu } from './notes';
import { physicalRanges } from './ranges';

const GIB = 2 ** 30;
const range = (block: string, inBlock: number, address: number, length: number): RamRange => ({
  block,
  blockOffset: blockOffset(inBlock),
  guestPhysical: guestPhysical(address),
  length: byteCount(length),
});

describe('ranges of a core file', () => {
  const lengths: Readonly<Record<string, number>> = { ram: 6 * GIB, rom: 0x20000 };
  const ranges = (...map: RamRange[]) =>
    physicalRanges(map, (name) => lengths[name] ?? null).map(
      ({ block, blockOffset: at, guestPhysical: address, length }) => [block, at, address, length],
    );

  it('ascend by address', () => {
    expect(ranges(range('ram', 2 * GIB, 4 * GIB, 4 * GIB), range('ram', 0, 0, 2 * GIB))).toEqual([
      ['ram', 0, 0, 2 * GIB],
      ['ram', 2 * GIB, 4 * GIB, 4 * GIB],
    ]);
  });

  it('do not overlap: what lies over another begins behind it, or goes', () => {
    expect(
      ranges(range('ram', 0, 0, 0x100000), range('rom', 0, 0xf0000, 0x20000), range('rom', 0, 0x1000, 0x1000)),
    ).toEqual([
      ['ram', 0, 0, 0x100000],
      ['rom', 0x10000, 0x100000, 0x10000],
    ]);
  });

  it('end where their block does, and are none where it is not there', () => {
    expect(
      ranges(range('rom', 0x10000, 0, 0x20000), range('none', 0, GIB, GIB), range('rom', 0x20000, 2 * GIB, 16)),
    ).toEqual([['rom', 0x10000, 0, 0x10000]]);
  });
});

describe('the head of a core file', () => {
  const segments = [
    { guestPhysical: 0, length: 0x9fc00 },
    { guestPhysical: 2 ** 40 + 1, length: 0x5001 },
  ];

  it('has its notes before the first segment, and segments at multiples of a page', () => {
    const layout = layOutCore(segments, 5000);
    expect(layout.notesOffset).toBe(64 + 3 * 56);
    expect(layout.segments.map(({ offset }) => offset)).toEqual([0x2000, 0x2000 + 0xa0000]);
    expect(layout.fileBytes).toBe(0x2000 + 0xa0000 + 0x5001);
    expect(() => coreHead(layout, 'x86-64', new Uint8Array(5001))).toThrow(RangeError);
  });

  it('tells places and lengths of 64 bits', () => {
    const head = Buffer.from(coreHead(layOutCore(segments, 100), 'aarch64', Uint8Array.of(1, 2, 3)));
    expect(head.readUInt16LE(18)).toBe(183);
    expect(head.readUInt16LE(56)).toBe(3);
    const last = 64 + 2 * 56;
    const words = Array.from({ length: 6 }, (_, index) => head.readBigUInt64LE(last + 8 + index * 8));
    // The last word: no alignment, else crash ends in a segmentation fault.
    expect(words).toEqual([0xa1000n, 2n ** 40n + 1n, 2n ** 40n + 1n, 0x5001n, 0x5001n, 0n]);
    expect([...head.subarray(-3)]).toEqual([1, 2, 3]);
  });
});

describe('notes about CPUs', () => {
  const arm: CoreCpu = {
    index: 1,
    registers: { x0: 1, x30: '18446744073709551615', sp: 2, pc: 3, pstate: 4 },
  };

  it('of AArch64 have registers in the order of user_pt_regs', () => {
    expect(machineOf(arm)).toBe('aarch64');
    const note = Buffer.from(cpuNotes('aarch64', [arm]));
    // Elf64_Nhdr, "CORE", struct elf_prstatus of 392 bytes.
    expect([note.readUInt32LE(0), note.readUInt32LE(4), note.readUInt32LE(8), note.length]).toEqual([5, 392, 1, 412]);
    const content = note.subarray(20);
    expect(content.readUInt32LE(32)).toBe(2);
    const registers = Array.from({ length: 34 }, (_, index) => content.readBigUInt64LE(112 + index * 8));
    expect(registers).toEqual([1n, ...new Array<bigint>(29).fill(0n), 2n ** 64n - 1n, 2n, 3n, 4n]);
  });

  it('fit the room that is kept for them, however many there are', () => {
    const cpus = Array.from({ length: 255 }, (_, index): CoreCpu => ({ index, registers: { rip: 1 } }));
    expect(machineOf(cpus[0] ?? arm)).toBe('x86-64');
    const notes = joined([cpuNotes('x86-64', cpus), vmcoreinfoNote(new Uint8Array(4096))]);
    expect(notes.length).toBeLessThanOrEqual(notesRoomFor(255, 4096));
  });

  it('are none of a 32-bit target', () => {
    expect(machineOf({ index: 0, registers: { eip: 1 } })).toBeNull();
  });
});
