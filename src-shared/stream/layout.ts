/**
 * Every structure of QEMU's migration stream as a table. Integers are big-endian. Sources: QEMU migration/savevm.c
 * (framing), migration/ram.c (RAM section), migration/savevm.c `vmstate_configuration`.
 */
import { LIBVIRT_HEADER } from '../libvirt/layout';
import { MAPPED_RAM_HEADER } from '../mapped-ram/layout';
import { bytes, struct, text, uint } from '../bytes/table';

/** Section types: the first byte of every section. */
export const TYPE = {
  eof: 0x00,
  start: 0x01,
  part: 0x02,
  end: 0x03,
  full: 0x04,
  subsection: 0x05,
  description: 0x06,
  configuration: 0x07,
  command: 0x08,
  footer: 0x7e,
} as const;

/** `MIG_CMD_*` of migration/savevm.c, in order. */
export const COMMANDS: Readonly<Record<number, string>> = {
  0: 'INVALID',
  1: 'OPEN_RETURN_PATH',
  2: 'PING',
  3: 'POSTCOPY_ADVISE',
  4: 'POSTCOPY_LISTEN',
  5: 'POSTCOPY_RUN',
  6: 'POSTCOPY_RAM_DISCARD',
  7: 'POSTCOPY_RESUME',
  8: 'PACKAGED',
  9: 'RECV_BITMAP',
  10: 'ENABLE_COLO',
  11: 'SWITCHOVER_START',
};

const sectionType = (value: number, word: string) =>
  uint('type', 1, `Section type: ${word}.`, { show: 'hex', is: value, words: { [value]: word } });
const sectionId = uint('section id', 4, 'Number of the section; its parts, its end and its footers repeat it.');

const opening = (value: number, word: string, kind: 'section' | 'device') =>
  struct(word, kind, [
    sectionType(value, word),
    sectionId,
    uint('name length', 1, 'Bytes of the name.'),
    text('name', 'name length', 'Whose state this is.'),
    uint('instance', 4, 'Tells apart several of one name.'),
    uint('version', 4, 'Version of the state that follows.'),
  ]);

const continuing = (value: number, word: string) => struct(word, 'section', [sectionType(value, word), sectionId]);

export const LAYOUT = {
  streamHeader: struct('stream header', 'container', [
    text('magic', 4, 'A QEMU migration stream begins here.', 'QEVM'),
    uint('version', 4, 'Version of the stream: 3, or 2 from old QEMUs.'),
  ]),
  configuration: struct('CONFIGURATION', 'configuration', [
    sectionType(TYPE.configuration, 'CONFIGURATION'),
    uint('name length', 4, 'Bytes of the machine type.'),
    text('machine type', 'name length', 'The machine type that a QEMU needs to load this.'),
  ]),
  subsection: struct('SUBSECTION', 'configuration', [
    sectionType(TYPE.subsection, 'SUBSECTION'),
    uint('name length', 1, 'Bytes of the name.'),
    text('name', 'name length', 'Name of the subsection.'),
    uint('version', 4, 'Version of the subsection.'),
  ]),
  capabilityCount: struct('capabilities', 'configuration', [
    uint('count', 4, 'Number of capabilities that loading needs.'),
  ]),
  capability: struct('capability', 'configuration', [
    uint('length', 1, 'Bytes of the name.'),
    text('capability', 'length', 'A migration capability that was on when this was saved.'),
  ]),
  targetPageBits: struct('target page bits', 'configuration', [
    uint('target page bits', 4, 'A target page has 2 to the power of this many bytes.'),
  ]),
  uuid: struct('UUID', 'configuration', [bytes('UUID', 16, 'UUID of the VM.')]),
  sectionStart: opening(TYPE.start, 'SECTION_START', 'section'),
  sectionPart: continuing(TYPE.part, 'SECTION_PART'),
  sectionEnd: continuing(TYPE.end, 'SECTION_END'),
  sectionFull: opening(TYPE.full, 'SECTION_FULL', 'device'),
  footer: struct('footer', 'section', [sectionType(TYPE.footer, 'SECTION_FOOTER'), sectionId]),
  command: struct('COMMAND', 'command', [
    sectionType(TYPE.command, 'COMMAND'),
    uint('command', 2, 'What the loading QEMU is told to do.', { words: COMMANDS }),
    uint('length', 2, 'Bytes of payload.'),
  ]),
  eof: struct('EOF', 'eof', [sectionType(TYPE.eof, 'EOF')]),
  description: struct('VMDESCRIPTION', 'description', [
    sectionType(TYPE.description, 'VMDESCRIPTION'),
    uint('length', 4, 'Bytes of the JSON text that describes every device field.'),
  ]),
  /** Begins every record of a RAM section: page address in the upper bits, flags in the lower ones. */
  ramWord: struct('RAM word', 'section', [
    uint('word', 8, 'Upper bits: a page address or the total size. Lower bits: what kind of record this is.', {
      show: 'hex',
    }),
  ]),
  blockRecord: struct('block', 'block', [
    uint('name length', 1, 'Bytes of the name.'),
    text('name', 'name length', 'Name of the RAMBlock.'),
    uint('used length', 8, 'Bytes of guest memory in this block.'),
  ]),
  blockPageSize: struct('block page size', 'block', [
    uint('block page size', 8, 'Page size of the host memory behind the block (postcopy with huge pages).'),
  ]),
  blockAddress: struct('block address', 'block', [
    uint('guest-physical address', 8, 'Where the block is in the guest (x-ignore-shared).', { show: 'hex' }),
  ]),
  mappedRamHeader: MAPPED_RAM_HEADER,
  /** Behind a page's word unless CONTINUE is set: which block the page is of. */
  pageBlock: struct('page block', 'section', [
    uint('name length', 1, 'Bytes of the name.'),
    text('name', 'name length', 'Name of the RAMBlock that the page is of.'),
  ]),
  libvirtHeader: LIBVIRT_HEADER,
};

/** The tables a parser goes by. Tests hand in altered ones to prove that the tables decide. */
export type Layout = typeof LAYOUT;

/** Flags in the lower bits of a RAM word (migration/ram.h, `RAM_SAVE_FLAG_*`). */
export const RAM_FLAG = {
  zero: 0x02,
  memSize: 0x04,
  page: 0x08,
  eos: 0x10,
  continue: 0x20,
  xbzrle: 0x40,
  hook: 0x80,
  compressPage: 0x100,
  multifdFlush: 0x200,
} as const;

/**
 * A RAM word's two halves. QEMU has flags below the target page size, which for some targets is 1 KiB; all its flags are
 * below that, too. Never with bit operators on the whole: the address goes far beyond 32 bits.
 */
export const splitRamWord = (word: number): { readonly address: number; readonly flags: number } => {
  const flags = word % 1024;
  return { address: word - flags, flags };
};
