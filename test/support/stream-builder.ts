/**
 * Writes small migration streams byte by byte, for what no QEMU at hand writes: other byte orders, other page sizes, odd
 * records. Own code: it knows the format from FORMAT.md, not from the project's tables.
 */

/** Bytes put together from the front, with a way to leap forward. */
export class Bytes {
  #parts: { readonly at: number; readonly bytes: Buffer }[] = [];
  position: number;

  constructor(position = 0) {
    this.position = position;
  }

  raw(bytes: Uint8Array): this {
    this.#parts.push({ at: this.position, bytes: Buffer.from(bytes) });
    this.position += bytes.length;
    return this;
  }

  text(value: string): this {
    return this.raw(Buffer.from(value, 'utf8'));
  }

  uint(value: number | bigint, size: number): this {
    const digits = BigInt(value)
      .toString(16)
      .padStart(size * 2, '0');
    return this.raw(Buffer.from(digits, 'hex'));
  }

  /** A length byte and the text. */
  name(value: string): this {
    return this.uint(Buffer.byteLength(value), 1).text(value);
  }

  seek(position: number): this {
    this.position = position;
    return this;
  }

  /** What was written, to be put into a sparse file. */
  get parts(): readonly { readonly at: number; readonly bytes: Uint8Array }[] {
    return this.#parts;
  }

  /** Everything written, with zeros between; as long as the furthest byte written or sought. */
  toBytes(): Uint8Array {
    const length = this.#parts.reduce((most, { at, bytes }) => Math.max(most, at + bytes.length), this.position);
    const whole = new Uint8Array(length);
    for (const { at, bytes } of this.#parts) whole.set(bytes, at);
    return whole;
  }
}

export interface BuiltBlock {
  readonly name: string;
  readonly usedLength: number;
  readonly pageSize?: number;
  /** Pages marked and filled with a byte that is not zero. */
  readonly present?: readonly number[];
  /** The bitmap's bytes as they are to stand in the file, instead of `present`; the pages are then left out. */
  readonly bitmap?: Uint8Array;
  /** Both offsets 0, as a block that was skipped has. */
  readonly skipped?: boolean;
  /** Postcopy with huge pages: a page size of its own. */
  readonly hostPageSize?: number;
  readonly address?: number;
}

export interface BuiltDevice {
  readonly name: string;
  readonly data: Uint8Array;
  readonly instance?: number;
}

export interface BuiltStream {
  readonly machine?: string | null;
  readonly capabilities?: readonly string[];
  readonly targetPageBits?: number;
  readonly uuid?: Uint8Array;
  readonly blocks?: readonly BuiltBlock[];
  readonly mapped?: boolean;
  readonly order?: 'little' | 'big';
  /** What the START section holds behind the block list, and each PART section: page records without their EOS. */
  readonly records?: readonly ((bytes: Bytes) => void)[];
  readonly footers?: boolean;
  readonly devices?: readonly BuiltDevice[];
  readonly description?: 'right' | 'none' | { readonly text: string };
  readonly command?: boolean;
  readonly eof?: boolean;
  /** Without the END section of RAM, as a background snapshot is. */
  readonly end?: boolean;
  /** Where the stream begins. */
  readonly at?: number;
  readonly trailing?: Uint8Array;
}

const MAGIC = 'QEVM';
const EOS = 0x10;

/** A stream of that kind, whole unless the options say otherwise. */
export const buildStream = (options: BuiltStream = {}): Uint8Array => writeStream(options).toBytes();

/** The same, not put together: for streams larger than memory. */
export function writeStream(options: BuiltStream): Bytes {
  const {
    blocks = [],
    mapped = true,
    footers = true,
    devices = [{ name: 'timer', data: new Uint8Array(24) }],
  } = options;
  const bytes = new Bytes()
    .seek(options.at ?? 0)
    .text(MAGIC)
    .uint(3, 4);
  writeConfiguration(bytes, options, mapped);
  const footer = (id: number): unknown => footers && bytes.uint(0x7e, 1).uint(id, 4);
  const records = options.records ?? [];

  bytes.uint(1, 1).uint(1, 4).name('ram').uint(0, 4).uint(4, 4);
  bytes.uint(blocks.reduce((sum, block) => sum + block.usedLength, 0) + 4, 8);
  for (const block of blocks) writeBlock(bytes, block, mapped, options.order ?? 'little');
  records[0]?.(bytes);
  bytes.uint(EOS, 8);
  footer(1);
  if (options.command !== false) bytes.uint(8, 1).uint(11, 2).uint(0, 2);
  for (const write of records.slice(1)) {
    bytes.uint(2, 1).uint(1, 4);
    write(bytes);
    bytes.uint(EOS, 8);
    footer(1);
  }
  if (options.end !== false) {
    bytes.uint(3, 1).uint(1, 4).uint(EOS, 8);
    footer(1);
  }
  for (const [index, device] of devices.entries()) {
    const id = index + 2;
    bytes.uint(4, 1).uint(id, 4).name(device.name);
    bytes.uint(device.instance ?? 0, 4).uint(1, 4);
    bytes.raw(device.data);
    footer(id);
  }
  if (options.eof === false) return bytes;
  bytes.uint(0, 1);
  const description = options.description ?? 'right';
  if (description !== 'none') {
    const text = description === 'right' ? describe(devices) : description.text;
    bytes.uint(6, 1).uint(Buffer.byteLength(text), 4).text(text);
  }
  return bytes.raw(options.trailing ?? new Uint8Array(0));
}

function writeConfiguration(bytes: Bytes, options: BuiltStream, mapped: boolean): void {
  const { machine = 'pc-q35-10.0', capabilities = mapped ? ['mapped-ram'] : [] } = options;
  if (machine === null) return;
  bytes.uint(7, 1).uint(machine.length, 4).text(machine);
  if (options.targetPageBits !== undefined) {
    bytes.uint(5, 1).name('configuration/target-page-bits').uint(1, 4).uint(options.targetPageBits, 4);
  }
  if (capabilities.length > 0) {
    bytes.uint(5, 1).name('configuration/capabilities').uint(1, 4).uint(capabilities.length, 4);
    for (const capability of capabilities) bytes.name(capability);
  }
  if (options.uuid !== undefined) bytes.uint(5, 1).name('configuration/uuid').uint(1, 4).raw(options.uuid);
}

function writeBlock(bytes: Bytes, block: BuiltBlock, mapped: boolean, order: 'little' | 'big'): void {
  const { usedLength, pageSize = 4096, present = [] } = block;
  bytes.name(block.name).uint(usedLength, 8);
  if (block.hostPageSize !== undefined) bytes.uint(block.hostPageSize, 8);
  if (block.address !== undefined) bytes.uint(block.address, 8);
  if (!mapped) return;
  bytes.uint(1, 4).uint(pageSize, 8);
  if (block.skipped === true) {
    bytes.uint(0, 8).uint(0, 8);
    return;
  }
  const words = Math.ceil(usedLength / pageSize / 64);
  const bitmapOffset = bytes.position + 16;
  const pagesOffset = Math.ceil((bitmapOffset + words * 8) / pageSize) * pageSize;
  const bitmap = Buffer.from(block.bitmap ?? new Uint8Array(words * 8));
  for (const page of present) bitmap.writeUInt8((bitmap[page >> 3] ?? 0) | (1 << (page & 7)), page >> 3);
  if (order === 'big') bitmap.swap64();
  bytes.uint(bitmapOffset, 8).uint(pagesOffset, 8).raw(bitmap);
  for (const page of present) bytes.seek(pagesOffset + page * pageSize).raw(Buffer.alloc(pageSize, 0xa5));
  bytes.seek(pagesOffset + usedLength);
}

/** A VMDESCRIPTION for devices whose state is one buffer each. */
export function describe(devices: readonly BuiltDevice[]): string {
  return JSON.stringify({
    configuration: {},
    page_size: 4096,
    devices: devices.map(({ name, instance = 0, data }) => ({
      name,
      instance_id: instance,
      vmsd_name: name,
      version: 1,
      fields: [{ name: 'data', type: 'buffer', size: data.length }],
    })),
  });
}

export interface BuiltLibvirt {
  readonly xml?: string;
  readonly cookie?: string;
  readonly format?: number;
  readonly order?: 'little' | 'big';
  readonly magic?: string;
  readonly version?: number;
  readonly running?: boolean;
  /** Bytes of XML, cookie and padding together. */
  readonly dataLength?: number;
}

/** The bytes that libvirt writes in front of a stream: header, XML, cookie, padding. */
export function buildLibvirtHeader(options: BuiltLibvirt = {}): Uint8Array {
  const { xml = '<domain type="qemu"><name>demo</name></domain>', cookie } = options;
  const text = Buffer.from(`${xml}\0${cookie === undefined ? '' : `${cookie}\0`}`, 'utf8');
  const dataLength = options.dataLength ?? text.length + 100;
  const whole = Buffer.alloc(92 + dataLength);
  whole.write(options.magic ?? 'LibvirtQemudSave', 0, 'latin1');
  const numbers = [
    options.version ?? 2,
    dataLength,
    options.running === false ? 0 : 1,
    options.format ?? 6,
    cookie === undefined ? 0 : Buffer.byteLength(xml) + 1,
  ];
  for (const [index, number] of numbers.entries()) {
    if (options.order === 'big') whole.writeUInt32BE(number, 16 + index * 4);
    else whole.writeUInt32LE(number, 16 + index * 4);
  }
  text.copy(whole, 92);
  return whole;
}
