import type { ByteCursor } from '../bytes/cursor';
import { readUint } from '../bytes/uint';
import { byteCount } from '../bytes/units';
import { checkMappedHeader, isPageSize } from '../mapped-ram/header';
import { RAM_FLAG, splitRamWord, type Layout } from './layout';
import type { RamBlock } from './model';
import type { Problems } from './problems';
import { badValue, endOf, fieldOf, readStruct, type Parsed, type Struct } from '../bytes/table';

/** Far above any real VM (one block per memory device and ROM); keeps a hostile list from filling memory. */
const MOST_BLOCKS = 8192;
/** Bytes looked ahead to tell which optional fields a record has: two u64, a header, and a name of the next record. */
const LOOK_AHEAD = 8 + 8 + 28 + 1 + 255;

/** Which optional fields the block records carry. Fixed for the whole stream by its capabilities. */
export interface RecordShape {
  /** x-ignore-shared: a guest-physical address. */
  readonly address: boolean;
  /** mapped-ram: a header. */
  readonly header: boolean;
}

interface Candidate extends RecordShape {
  /** A u64 that only blocks with another host page size than the host's carry, and only with postcopy-ram. */
  readonly hostPageSize: boolean;
}

/**
 * Reads the RAM block records until `total` bytes are accounted for; each one found is put into `blocks` at once, so that
 * a file that ends in between still tells what it told.
 *
 * `shape` null (no CONFIGURATION in the stream): told from the first record's bytes, and said so. A mapped-ram record is
 * followed by the next one only behind its pages.
 */
export async function readRamBlocks(
  cursor: ByteCursor,
  layout: Layout,
  total: number,
  shape: RecordShape | null,
  blocks: RamBlock[],
  problems: Problems,
): Promise<void> {
  const names = new Set<string>();
  let known = shape;
  for (let remaining = total; remaining > 0;) {
    if (blocks.length >= MOST_BLOCKS) {
      throw badValue(cursor, cursor.offset, 'block', `there are more than ${MOST_BLOCKS} RAM blocks`);
    }
    const record = await readStruct(cursor, layout.blockRecord);
    const { name, 'used length': used } = record.values;
    if (name === '') throw badValue(cursor, record.offset, 'name length', 'a RAM block has no name');
    if (used > remaining) {
      const what = `${name} is ${used} bytes long, but only ${remaining} of the announced total are left`;
      throw badValue(cursor, fieldOf(record, 'used length').offset, 'used length', what);
    }
    if (used === 0) {
      problems.add('error', 'bad-value', fieldOf(record, 'used length').offset, `RAM block ${name} has no bytes.`);
    }
    if (names.has(name)) problems.add('error', 'bad-value', record.offset, `RAM block ${name} is listed twice.`);
    names.add(name);
    remaining -= used;
    const candidate = await recordShape(cursor, known, remaining === 0);
    if (known === null) problems.add('note', 'no-configuration', record.offset, shapeNote(candidate));
    known = candidate;
    const block = await readRest(cursor, layout, record, candidate, problems);
    checkPageSize(block, blocks[0], problems);
    blocks.push(block);
  }
}

/** A VM has one target page size. */
function checkPageSize(block: RamBlock, first: RamBlock | undefined, problems: Problems): void {
  const [own, usual] = [block.header, first?.header];
  if (!own || !usual || own.pageSize === usual.pageSize) return;
  const message = `The page size of ${block.name} is ${own.pageSize}, that of other blocks ${usual.pageSize}.`;
  problems.add('error', 'bad-value', fieldOf(own.record, 'page size').offset, message);
}

async function readRest(
  cursor: ByteCursor,
  layout: Layout,
  record: Parsed<Layout['blockRecord']>,
  shape: Candidate,
  problems: Problems,
): Promise<RamBlock> {
  const optional = <S extends Struct>(present: boolean, table: S): Promise<Parsed<S>> | null =>
    present ? readStruct(cursor, table) : null;
  const hostPageSize = await optional(shape.hostPageSize, layout.blockPageSize);
  const address = await optional(shape.address, layout.blockAddress);
  const headerRecord = await optional(shape.header, layout.mappedRamHeader);
  const name = record.values.name;
  const usedLength = byteCount(record.values['used length']);
  if (headerRecord === null) return { name, usedLength, record, hostPageSize, address, header: null };
  const file = { name: cursor.source.name, size: cursor.size };
  const header = checkMappedHeader(headerRecord, { name, usedLength }, file, (...problem) => problems.add(...problem));
  cursor.seek(header.mapped === null ? endOf(headerRecord) : header.mapped.pages.offset + usedLength);
  return { name, usedLength, record, hostPageSize, address, header };
}

/** The first shape whose bytes make sense; where none does, the plainest one, whose reading then says what is wrong. */
async function recordShape(cursor: ByteCursor, known: RecordShape | null, last: boolean): Promise<Candidate> {
  const length = Math.min(LOOK_AHEAD, cursor.remaining);
  await cursor.need(length, 'block');
  const ahead = cursor.peek(length);
  const shapes: readonly RecordShape[] = known === null ? UNKNOWN_SHAPES : [known];
  for (const hostPageSize of [false, true]) {
    const found = shapes.find((shape) => makesSense(ahead, { ...shape, hostPageSize }, last));
    if (found !== undefined) return { ...found, hostPageSize };
  }
  return { ...(known ?? { address: false, header: false }), hostPageSize: false };
}

const UNKNOWN_SHAPES: readonly RecordShape[] = [
  { address: false, header: true },
  { address: false, header: false },
  { address: true, header: true },
  { address: true, header: false },
];

function makesSense(ahead: Uint8Array, shape: Candidate, last: boolean): boolean {
  let at = 0;
  if (shape.hostPageSize) {
    if (ahead.length < 8) return false;
    const size = readUint(ahead, 0, 8);
    if (size < 4096 || size > 2 ** 40 || !Number.isInteger(Math.log2(size))) return false;
    at += 8;
  }
  if (shape.address) at += 8;
  if (shape.header) {
    return at + 12 <= ahead.length && readUint(ahead, at, 4) === 1 && isPageSize(readUint(ahead, at + 4, 8));
  }
  if (!last) return beginsWithName(ahead.subarray(at));
  return at + 8 <= ahead.length && isKnownWord(readUint(ahead, at, 8));
}

/** A length byte and that many bytes (as far as they are there) without control characters. */
function beginsWithName(ahead: Uint8Array): boolean {
  const length = ahead[0] ?? 0;
  return length > 0 && ahead.length > 1 && ahead.subarray(1, 1 + length).every((byte) => byte >= 0x20 && byte !== 0x7f);
}

const KNOWN_FLAGS = Object.values(RAM_FLAG).reduce<number>((sum, flag) => sum + flag, 0);

/** Whether a word can begin a record: some flag set, and no unknown one. */
function isKnownWord(word: number): boolean {
  if (!Number.isSafeInteger(word)) return false;
  const { flags } = splitRamWord(word);
  return flags !== 0 && (flags & ~KNOWN_FLAGS) === 0;
}

const shapeNote = (shape: RecordShape): string =>
  `The stream has no CONFIGURATION; from the bytes of its first RAM block, ${
    shape.header ? 'blocks carry mapped-ram headers' : 'it is no mapped-ram stream'
  }.`;
