/** An ELF core file of a guest's physical memory: a segment for each range of addresses, and notes about its CPUs. */

export type CoreMachine = 'x86-64' | 'aarch64';

/** A stretch of the guest's physical memory. */
export interface CoreRange {
  readonly guestPhysical: number;
  readonly length: number;
}

/** The same, and where it is in the core file. */
export interface CoreSegment extends CoreRange {
  readonly offset: number;
}

export interface CoreLayout {
  readonly segments: readonly CoreSegment[];
  /** Where the notes are, and how many bytes they can have. */
  readonly notesOffset: number;
  readonly notesRoom: number;
  readonly fileBytes: number;
}

const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
/** Segments begin at multiples of it, so that they can be mapped. */
const ALIGNMENT = 4096;
const MACHINE: Readonly<Record<CoreMachine, number>> = { 'x86-64': 62, aarch64: 183 };

const ET_CORE = 4;
const PT_LOAD = 1;
const PT_NOTE = 4;
/** readable, writable, executable */
const ANY_ACCESS = 7;

/** As QEMU's own cores have it: with any other, crash 8.0.2 ends in a segmentation fault. */
const NO_ALIGNMENT = 0;

const aligned = (offset: number): number => Math.ceil(offset / ALIGNMENT) * ALIGNMENT;

/**
 * Lays the file out. Tools that read kernel dumps (crash) want the notes before the first segment, so they get `notesRoom`
 * bytes there.
 */
export function layOutCore(ranges: readonly CoreRange[], notesRoom: number): CoreLayout {
  const notesOffset = HEADER_BYTES + PROGRAM_HEADER_BYTES * (ranges.length + 1);
  let offset = aligned(notesOffset + notesRoom);
  const segments = ranges.map(({ guestPhysical, length }): CoreSegment => {
    const segment = { guestPhysical, length, offset };
    offset = aligned(offset + length);
    return segment;
  });
  const last = segments.at(-1);
  return { segments, notesOffset, notesRoom, fileBytes: last === undefined ? offset : last.offset + last.length };
}

/**
 * The file's first bytes: header, program headers, notes. Virtual addresses are the physical ones, so that a debugger that
 * knows no page tables reads by those.
 */
export function coreHead(layout: CoreLayout, machine: CoreMachine, notes: Uint8Array): Uint8Array {
  if (notes.length > layout.notesRoom) throw new RangeError(`${notes.length} bytes of notes in ${layout.notesRoom}`);
  const head = new Uint8Array(layout.notesOffset + notes.length);
  const view = new DataView(head.buffer);
  // ELF, 64 bits, little-endian, version 1, System V.
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]);
  view.setUint16(16, ET_CORE, true);
  view.setUint16(18, MACHINE[machine], true);
  view.setUint32(20, 1, true);
  view.setBigUint64(32, BigInt(HEADER_BYTES), true);
  view.setUint16(52, HEADER_BYTES, true);
  view.setUint16(54, PROGRAM_HEADER_BYTES, true);
  view.setUint16(56, layout.segments.length + 1, true);
  writeProgramHeader(view, 0, {
    type: PT_NOTE,
    flags: 0,
    offset: layout.notesOffset,
    address: 0,
    length: notes.length,
    inMemory: 0,
    alignment: NO_ALIGNMENT,
  });
  for (const [index, { guestPhysical, length, offset }] of layout.segments.entries()) {
    writeProgramHeader(view, index + 1, {
      type: PT_LOAD,
      flags: ANY_ACCESS,
      offset,
      address: guestPhysical,
      length,
      inMemory: length,
      alignment: NO_ALIGNMENT,
    });
  }
  head.set(notes, layout.notesOffset);
  return head;
}

interface ProgramHeader {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly length: number;
  readonly inMemory: number;
  readonly alignment: number;
}

/** Elf64_Phdr */
function writeProgramHeader(view: DataView, index: number, header: ProgramHeader): void {
  const at = HEADER_BYTES + PROGRAM_HEADER_BYTES * index;
  view.setUint32(at, header.type, true);
  view.setUint32(at + 4, header.flags, true);
  const words = [header.offset, header.address, header.address, header.length, header.inMemory, header.alignment];
  for (const [word, value] of words.entries()) view.setBigUint64(at + 8 + word * 8, BigInt(value), true);
}
