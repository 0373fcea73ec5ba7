/** The bytes of a migration stream's structures, from the tables that the parser reads by. */
import { encodeStruct } from '../bytes/encode';
import { joinBytes } from '../bytes/join';
import type { Parsed } from '../bytes/table';
import { LAYOUT, RAM_FLAG } from './layout';
import type { Configuration } from './model';

/** Magic and version. */
export const encodeStreamHeader = (version: 2 | 3 = 3): Uint8Array => encodeStruct(LAYOUT.streamHeader, { version });

const CAPABILITIES = 'configuration/capabilities';

/**
 * A CONFIGURATION as it was read, but with these capabilities; `bytesOf` has the bytes of what was read. Without any, their
 * subsection is left out, as QEMU leaves it out.
 */
export function encodeConfiguration(
  configuration: Configuration,
  bytesOf: (parsed: Parsed) => Uint8Array,
  capabilities: readonly string[],
): Uint8Array {
  const others = configuration.subsections.filter(({ record }) => record.values.name !== CAPABILITIES);
  // QEMU's order: target page bits, capabilities, UUID (migration/savevm.c, vmstate_configuration).
  const before = others.filter(({ record }) => record.values.name === 'configuration/target-page-bits');
  const behind = others.filter((subsection) => !before.includes(subsection));
  const copied = (list: typeof others): readonly Uint8Array[] =>
    list.flatMap(({ record, content }) => [record, ...content].map(bytesOf));
  return joinBytes([
    bytesOf(configuration.record),
    ...copied(before),
    ...(capabilities.length === 0 ? [] : [encodeCapabilities(capabilities)]),
    ...copied(behind),
  ]);
}

function encodeCapabilities(capabilities: readonly string[]): Uint8Array {
  return joinBytes([
    encodeStruct(LAYOUT.subsection, { name: CAPABILITIES, version: 1 }),
    encodeStruct(LAYOUT.capabilityCount, { count: capabilities.length }),
    ...capabilities.map((capability) => encodeStruct(LAYOUT.capability, { capability })),
  ]);
}

/** A block's entry in the list of the RAM section, without the optional fields behind its used length. */
export const encodeBlockRecord = (name: string, usedLength: number): Uint8Array =>
  encodeStruct(LAYOUT.blockRecord, { name, 'used length': usedLength });

/** The word that announces the bytes of all blocks and begins their list. */
export const encodeRamTotal = (bytes: number): Uint8Array => encodeRamWord(bytes + RAM_FLAG.memSize);

/** The word that ends the data of a RAM section. */
export const encodeEndOfRam = (): Uint8Array => encodeRamWord(RAM_FLAG.eos);

const encodeRamWord = (word: number): Uint8Array => encodeStruct(LAYOUT.ramWord, { word });

/** A section's footer. */
export const encodeFooter = (id: number): Uint8Array => encodeStruct(LAYOUT.footer, { 'section id': id });

/** The END section of RAM, which holds no pages. */
export const encodeRamEnd = (id: number, footers: boolean): Uint8Array =>
  joinBytes([
    encodeStruct(LAYOUT.sectionEnd, { 'section id': id }),
    encodeEndOfRam(),
    footers ? encodeFooter(id) : new Uint8Array(0),
  ]);

/** What a page record has behind its word when it does not continue the block of the one before. */
export const encodePageBlock = (name: string): Uint8Array => encodeStruct(LAYOUT.pageBlock, { name });
