/** Where a device's data ends: its section has no length of its own. */
import type { ByteCursor } from '../bytes/cursor';
import { indexOfBytes } from '../bytes/index-of';
import { readUint } from '../bytes/uint';
import { byteCount, fileOffset, type FileOffset } from '../bytes/units';
import { COMMANDS, TYPE } from './layout';
import { encodeFooter } from './writer';

/** Most bytes that are searched for one footer or for the description; holes are stepped over and do not count. */
const SEARCH_LIMIT = 1024 * 1024 * 1024;
/** Chunks grow: most devices have a few KiB, some have many MiB. */
const FIRST_CHUNK = 16 * 1024;
const LARGEST_CHUNK = 1024 * 1024;
/** Bytes of a footer: its type and the section's id. */
export const FOOTER_BYTES = 5;
/** Bytes that tell a footer for certain: its own 5, then a section header with a name of up to 255 bytes. */
export const FOOTER_LOOK_AHEAD = FOOTER_BYTES + 1 + 4 + 1 + 255;

/**
 * Calls `test` wherever the bytes `lead` stand between `from` and the end of the file, until it says that the find begins
 * there; null when it never does. `test` sees the bytes in which `lead` is at `at` (261 more follow, unless the file ends).
 */
async function search(
  cursor: ByteCursor,
  from: number,
  lead: Uint8Array,
  test: (bytes: Uint8Array, at: number, offset: number) => boolean,
): Promise<FileOffset | null> {
  const look = (chunk: Uint8Array, step: number, offset: number): FileOffset | null => {
    for (let at = indexOfBytes(chunk, lead, 0); at >= 0 && at < step; at = indexOfBytes(chunk, lead, at + 1)) {
      if (test(chunk, at, offset + at)) return fileOffset(offset + at);
    }
    return null;
  };
  // What the cursor holds already is looked at first: most sections end in there.
  const held = from === cursor.offset ? cursor.rest() : new Uint8Array(0);
  let offset = from;
  if (held.length > FOOTER_LOOK_AHEAD) {
    const found = look(held, held.length - FOOTER_LOOK_AHEAD, offset);
    if (found !== null) return found;
    offset += held.length - FOOTER_LOOK_AHEAD;
  }
  let searched = 0;
  let chunkLength = FIRST_CHUNK;
  while (offset < cursor.size && searched < SEARCH_LIMIT) {
    const extent = await cursor.source.extentAt(fileOffset(offset));
    if (extent === null) return null;
    const extentEnd = extent.offset + extent.length;
    if (extent.kind === 'hole') {
      offset = Math.max(extentEnd, offset + 1);
      continue;
    }
    const step = Math.min(chunkLength, extentEnd - offset, cursor.size - offset);
    const chunk = await cursor.source.read(fileOffset(offset), byteCount(step + FOOTER_LOOK_AHEAD));
    if (chunk.length === 0) return null;
    const found = look(chunk, step, offset);
    if (found !== null) return found;
    offset += step;
    searched += step;
    chunkLength = Math.min(LARGEST_CHUNK, chunkLength * 4);
  }
  return null;
}

/**
 * Offset of the footer of section `id`, looked for from `from` on: type byte and id, followed by something that can
 * follow a footer. A device's own bytes can look like the footer of section 0 and an EOF (`7e`, then zeros: seen in the
 * clock of one VM in 256), so an EOF counts only with the file's end or the description behind it, unless nothing better
 * is found.
 */
export async function findFooter(
  cursor: ByteCursor,
  from: number,
  id: number,
  isOpen: (section: number) => boolean,
): Promise<FileOffset | null> {
  const footer = encodeFooter(id);
  const certain = await search(cursor, from, footer, (bytes, at) =>
    goesOn(bytes.subarray(at + FOOTER_BYTES, at + FOOTER_LOOK_AHEAD), isOpen),
  );
  return certain ?? search(cursor, from, footer, (bytes, at) => bytes[at + FOOTER_BYTES] === TYPE.eof);
}

/**
 * Whether what follows a footer makes sense, with as much of it as is there: up to FOOTER_LOOK_AHEAD − 5 bytes, fewer only
 * where the stream ends.
 */
export function goesOn(ahead: Uint8Array, isOpen: (section: number) => boolean): boolean {
  switch (ahead[0]) {
    case undefined:
      return true;
    case TYPE.eof:
      return ahead.length === 1 || beginsDescription(ahead.subarray(1));
    case TYPE.part:
    case TYPE.end:
      return ahead.length >= 5 && isOpen(readUint(ahead, 1, 4));
    case TYPE.start:
    case TYPE.full: {
      const length = ahead[5] ?? 0;
      const name = ahead.subarray(6, 6 + length);
      return length > 0 && name.length === length && name.every((byte) => byte >= 0x20 && byte !== 0x7f);
    }
    case TYPE.command:
      return ahead.length >= 5 && COMMANDS[readUint(ahead, 1, 2)] !== undefined;
    default:
      return false;
  }
}

/** Type byte, length, and the first two bytes of the JSON text: `{"`. */
const beginsDescription = (ahead: Uint8Array): boolean =>
  ahead[0] === TYPE.description && (ahead[5] ?? 0x7b) === 0x7b && (ahead[6] ?? 0x22) === 0x22;

/** Whether the footer of section `id` stands at `offset`. */
export async function footerStandsAt(cursor: ByteCursor, offset: number, id: number): Promise<boolean> {
  if (offset + 5 > cursor.size) return false;
  const found = await cursor.source.read(fileOffset(offset), byteCount(5));
  return found.length === 5 && found[0] === TYPE.footer && readUint(found, 1, 4) === id;
}

/**
 * Offsets of what may be a VMDESCRIPTION's type byte, in the order of the file, at most `most`. The caller proves one of
 * them by walking the devices up to the EOF before it.
 */
export async function findDescriptions(cursor: ByteCursor, from: number, most: number): Promise<readonly FileOffset[]> {
  const found: FileOffset[] = [];
  const looksRight = (bytes: Uint8Array, at: number, offset: number): boolean =>
    at + 6 < bytes.length &&
    bytes[at + 5] === 0x7b &&
    bytes[at + 6] === 0x22 &&
    offset + 5 + readUint(bytes, at + 1, 4) <= cursor.size;
  await search(cursor, from, Uint8Array.of(TYPE.description), (bytes, at, offset) => {
    if (looksRight(bytes, at, offset)) found.push(fileOffset(offset));
    return found.length >= most;
  });
  return found;
}
