/** The bytes around the pages of a synthetic guest's file: a legal mapped-ram stream with one RAMBlock and one small device. */
import { encodeStruct } from '@shared/bytes/encode';
import { joinBytes } from '@shared/bytes/join';
import { encodeText } from '@shared/bytes/text';
import { writeUint } from '@shared/bytes/uint';
import { fileOffset, type FileOffset } from '@shared/bytes/units';
import { placeBlocks, planBlocks, planEnd } from '@shared/mapped-ram/plan';
import { encodeMappedHeader } from '@shared/mapped-ram/writer';
import { LAYOUT } from '@shared/stream/layout';
import { RAM_VERSION } from '@shared/stream/ram-section';
import {
  encodeBlockRecord,
  encodeEndOfRam,
  encodeFooter,
  encodeRamEnd,
  encodeRamTotal,
  encodeStreamHeader,
} from '@shared/stream/writer';

export const BLOCK_NAME = 'synthetic.ram';
const MACHINE = 'synthetic';
const RAM_SECTION = 1;
const DEVICE_SECTION = 2;
/** A stream without any device is none that was saved to its end. */
const DEVICE = { name: 'synthetic', version: 1, state: { name: 'page_size', type: 'uint64', size: 8 } } as const;

export interface SyntheticFrame {
  /** Everything in front of the bitmap, from the start of the file on. */
  readonly head: Uint8Array;
  readonly bitmapOffset: FileOffset;
  readonly pagesOffset: FileOffset;
  /** Everything behind the pages. */
  readonly tail: Uint8Array;
  readonly tailOffset: FileOffset;
}

/** Frame of a guest with one block of `ramBytes`. */
export function frameOf(ramBytes: number, pageSize: number): SyntheticFrame {
  const front = joinBytes([
    encodeStreamHeader(),
    encodeStruct(LAYOUT.configuration, { 'machine type': MACHINE }),
    encodeStruct(LAYOUT.subsection, { name: 'configuration/capabilities', version: 1 }),
    encodeStruct(LAYOUT.capabilityCount, { count: 1 }),
    encodeStruct(LAYOUT.capability, { capability: 'mapped-ram' }),
    encodeStruct(LAYOUT.sectionStart, { 'section id': RAM_SECTION, name: 'ram', instance: 0, version: RAM_VERSION }),
    encodeRamTotal(ramBytes),
  ]);
  const plan = planBlocks([{ name: BLOCK_NAME, usedLength: ramBytes, pageSize }], front.length);
  const [block] = placeBlocks(plan, front.length);
  if (block === undefined) throw new Error('a plan of one block has one place');
  return {
    head: joinBytes([front, encodeBlockRecord(BLOCK_NAME, ramBytes), encodeMappedHeader(block)]),
    bitmapOffset: block.bitmap.offset,
    pagesOffset: fileOffset(block.pagesOffset),
    tail: tailOf(pageSize),
    tailOffset: planEnd(plan),
  };
}

function tailOf(pageSize: number): Uint8Array {
  const { name, version, state } = DEVICE;
  const entry = { name, instance_id: 0, vmsd_name: name, version, fields: [state] };
  const description = encodeText(JSON.stringify({ configuration: {}, page_size: pageSize, devices: [entry] }));
  const bytes = new Uint8Array(state.size);
  writeUint(bytes, 0, state.size, pageSize, 'big');
  return joinBytes([
    encodeEndOfRam(),
    encodeFooter(RAM_SECTION),
    encodeRamEnd(RAM_SECTION, true),
    encodeStruct(LAYOUT.sectionFull, { 'section id': DEVICE_SECTION, name, instance: 0, version }),
    bytes,
    encodeFooter(DEVICE_SECTION),
    encodeStruct(LAYOUT.eof, {}),
    encodeStruct(LAYOUT.description, { length: description.length }),
    description,
  ]);
}
