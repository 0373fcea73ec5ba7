/** The bytes around the pages of a synthetic guest's file: a legal mapped-ram stream with one RAMBlock and one small device. */
import { fileOffset, type FileOffset } from '@shared/bytes/units';
import { bitmapBytes } from '@shared/mapped-ram/header';
import { MAPPED_RAM_VERSION } from '@shared/mapped-ram/layout';
import { RAM_FLAG, TYPE } from '@shared/stream/layout';
import { RAM_VERSION } from '@shared/stream/ram-section';

export const BLOCK_NAME = 'synthetic.ram';
const MACHINE = 'synthetic';
/** Of all QEMUs since 0.12. */
const STREAM_VERSION = 3;
const RAM_SECTION = 1;
const DEVICE_SECTION = 2;
/** A stream without any device is none that was saved to its end. */
const DEVICE = { name: 'synthetic', version: 1, state: { name: 'page_size', type: 'uint64', size: 8 } } as const;
/** QEMU's writer puts the pages at a multiple of this. */
const PAGES_ALIGNMENT = 1024 * 1024;

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
  const front = Buffer.concat([
    Buffer.from('QEVM', 'latin1'),
    u32(STREAM_VERSION),
    u8(TYPE.configuration),
    u32(MACHINE.length),
    Buffer.from(MACHINE, 'latin1'),
    u8(TYPE.subsection),
    name('configuration/capabilities'),
    u32(1),
    u32(1),
    name('mapped-ram'),
    u8(TYPE.start),
    u32(RAM_SECTION),
    name('ram'),
    u32(0),
    u32(RAM_VERSION),
    u64(ramBytes + RAM_FLAG.memSize),
    name(BLOCK_NAME),
    u64(ramBytes),
    u32(MAPPED_RAM_VERSION),
    u64(pageSize),
  ]);
  const bitmapOffset = front.length + 16;
  const bitmapEnd = bitmapOffset + bitmapBytes(ramBytes / pageSize);
  const pagesOffset = Math.ceil(bitmapEnd / PAGES_ALIGNMENT) * PAGES_ALIGNMENT;
  const description = Buffer.from(describe(pageSize), 'latin1');
  const endOfRam = Buffer.concat([u64(RAM_FLAG.eos), footer(RAM_SECTION)]);
  return {
    head: Buffer.concat([front, u64(bitmapOffset), u64(pagesOffset)]),
    bitmapOffset: fileOffset(bitmapOffset),
    pagesOffset: fileOffset(pagesOffset),
    tail: Buffer.concat([
      endOfRam,
      u8(TYPE.end),
      u32(RAM_SECTION),
      endOfRam,
      u8(TYPE.full),
      u32(DEVICE_SECTION),
      name(DEVICE.name),
      u32(0),
      u32(DEVICE.version),
      u64(pageSize),
      footer(DEVICE_SECTION),
      u8(TYPE.eof),
      u8(TYPE.description),
      u32(description.length),
      description,
    ]),
    tailOffset: fileOffset(pagesOffset + ramBytes),
  };
}

/** The VMDESCRIPTION's text. */
function describe(pageSize: number): string {
  const { name: device, version, state } = DEVICE;
  const entry = { name: device, instance_id: 0, vmsd_name: device, version, fields: [state] };
  return JSON.stringify({ configuration: {}, page_size: pageSize, devices: [entry] });
}

const footer = (section: number): Buffer => Buffer.concat([u8(TYPE.footer), u32(section)]);

function u8(value: number): Buffer {
  return Buffer.of(value);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** A length byte and the text. */
const name = (text: string): Buffer => Buffer.concat([u8(text.length), Buffer.from(text, 'latin1')]);
