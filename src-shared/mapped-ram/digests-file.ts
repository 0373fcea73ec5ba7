/**
 * `digests.bin` of a snapshot: the XXH3-64 of every unit (1 MiB) of the RAMBlocks that went through our channels, taken while
 * they were copied. Little-endian: magic, u32 version, u32 unit bytes, u32 blocks; for each block u16 name length, name, u64
 * used length, u32 units, u64 for each unit. A unit without a present page has 0.
 */
import { fail, type StillframeError } from '../contracts/failure';
import { asciiBytes, decodeTextStrictly, encodeText, sameBytes } from '../bytes/text';
import { byteCount, fileOffset, type ByteCount } from '../bytes/units';

const MAGIC = 'SFDIGEST';
const VERSION = 1;
const HEAD_BYTES = MAGIC.length + 12;
const BLOCK_BYTES = 2 + 8 + 4;
const MOST_BLOCKS = 8192;

/** The digests of one RAMBlock, 8 bytes for each unit. */
export interface BlockDigests {
  readonly name: string;
  readonly usedLength: ByteCount;
  readonly digests: Uint8Array;
}

export interface DigestsFile {
  readonly unitBytes: ByteCount;
  readonly blocks: readonly BlockDigests[];
}

/** The file's bytes. Throws `RangeError` when a block has another number of digests than units. */
export function encodeDigests({ unitBytes, blocks }: DigestsFile): Uint8Array {
  const named = blocks.map((block) => ({ ...block, nameBytes: encodeText(block.name) }));
  const length = named.reduce(
    (sum, block) => sum + BLOCK_BYTES + block.nameBytes.length + block.digests.length,
    HEAD_BYTES,
  );
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  bytes.set(asciiBytes(MAGIC));
  view.setUint32(8, VERSION, true);
  view.setUint32(12, unitBytes, true);
  view.setUint32(16, blocks.length, true);
  let at = HEAD_BYTES;
  for (const { name, nameBytes, usedLength, digests } of named) {
    const units = unitsOf(usedLength, unitBytes);
    if (digests.length !== units * 8) throw new RangeError(`${name} has ${units} units, not ${digests.length / 8}`);
    view.setUint16(at, nameBytes.length, true);
    bytes.set(nameBytes, at + 2);
    at += 2 + nameBytes.length;
    view.setBigUint64(at, BigInt(usedLength), true);
    view.setUint32(at + 8, units, true);
    bytes.set(digests, at + 12);
    at += 12 + digests.length;
  }
  return bytes;
}

/** Reads it again; `format.*` where it is not what `encodeDigests` writes. `name`: of the file, for messages. */
export function decodeDigests(bytes: Uint8Array, name: string): DigestsFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEAD_BYTES) throw bad(name, 0, 'head', 'the file ends inside its head');
  if (!sameBytes(bytes.subarray(0, 8), asciiBytes(MAGIC))) throw bad(name, 0, 'magic', `it is not "${MAGIC}"`);
  if (view.getUint32(8, true) !== VERSION)
    throw bad(name, 8, 'version', `it is ${view.getUint32(8, true)}, not ${VERSION}`);
  const unitBytes = byteCount(view.getUint32(12, true));
  if (unitBytes < 4096) throw bad(name, 12, 'unit bytes', `${unitBytes} is too small`);
  const count = view.getUint32(16, true);
  if (count > MOST_BLOCKS) throw bad(name, 16, 'blocks', `there are more than ${MOST_BLOCKS}`);
  const blocks: BlockDigests[] = [];
  let at = HEAD_BYTES;
  for (let index = 0; index < count; index++) {
    if (at + BLOCK_BYTES > bytes.length) throw bad(name, at, 'block', 'the file ends inside it');
    const nameLength = view.getUint16(at, true);
    const digestsAt = at + BLOCK_BYTES + nameLength;
    if (digestsAt > bytes.length) throw bad(name, at, 'block', 'the file ends inside it');
    const blockName = decodeTextStrictly(bytes.subarray(at + 2, at + 2 + nameLength));
    if (blockName === null) throw bad(name, at + 2, 'name', 'it is no UTF-8 text');
    const used = Number(view.getBigUint64(at + 2 + nameLength, true));
    const units = view.getUint32(at + 10 + nameLength, true);
    if (!Number.isSafeInteger(used) || unitsOf(used, unitBytes) !== units)
      throw bad(name, at + 10 + nameLength, 'units', `${units} are not those of ${used} bytes`);
    if (digestsAt + units * 8 > bytes.length) throw bad(name, digestsAt, 'digests', 'the file ends inside them');
    blocks.push({
      name: blockName,
      usedLength: byteCount(used),
      digests: bytes.slice(digestsAt, digestsAt + units * 8),
    });
    at = digestsAt + units * 8;
  }
  if (at !== bytes.length) throw bad(name, at, 'end', 'something follows the last block');
  return { unitBytes, blocks };
}

const unitsOf = (usedLength: number, unitBytes: number): number => Math.ceil(usedLength / unitBytes);

function bad(path: string, offset: number, field: string, what: string): StillframeError {
  return fail(
    'format.bad-value',
    'reading the digests',
    what,
    'Without its digests a snapshot is as good, but not proven.',
    {
      where: { path, offset: fileOffset(offset), field },
    },
  );
}
