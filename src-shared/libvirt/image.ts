import type { ByteCursor } from '../bytes/cursor';
import type { Range } from '../bytes/ranges';
import { badValue, endOf, fieldOf, readStruct, type Parsed } from '../bytes/table';
import { readUint, type Endian } from '../bytes/uint';
import { byteCount, fileOffset, hex, type FileOffset } from '../bytes/units';
import { fail } from '../contracts/failure';
import { LIBVIRT_FORMATS, type LIBVIRT_HEADER } from './layout';

export const LIBVIRT_MAGIC = 'LibvirtQemudSave';
export const LIBVIRT_PARTIAL_MAGIC = 'LibvirtQemudPart';

export interface LibvirtImage {
  readonly header: Parsed<typeof LIBVIRT_HEADER>;
  /** Domain XML without its NUL. */
  readonly xml: Range;
  readonly cookie: Range | null;
  /** Word of the `format` field. */
  readonly format: string;
  /** False for `LibvirtQemudPart`. */
  readonly finished: boolean;
}

/** Newest version of the image that is known; 1 had no cookie. */
const LIBVIRT_VERSION = 2;
/** Formats whose stream is in the file as QEMU wrote it. */
const READABLE = new Set(['raw', 'sparse']);
/** Domain XML is a few KiB; its NUL is looked for this far. */
const XML_LIMIT = 16 * 1024 * 1024;
const CHUNK = 64 * 1024;

/**
 * Reads a libvirt save image's header where the cursor stands and finds its XML, cookie and stream.
 *
 * Its integers are in the saving host's byte order, told by the version. Rejects with `format.unsupported` for a packed
 * stream (by its name) or a newer version, `format.truncated`, and `format.bad-value` where lengths contradict each other.
 */
export async function readLibvirtImage(
  cursor: ByteCursor,
  table: typeof LIBVIRT_HEADER,
): Promise<{ readonly image: LibvirtImage; readonly streamOffset: FileOffset }> {
  const endian = await byteOrder(cursor, table);
  const header = await readStruct(cursor, table, endian);
  const format = LIBVIRT_FORMATS[header.values.format];
  const path = cursor.source.name;
  if (format === undefined || !READABLE.has(format)) {
    const named =
      format === undefined ? `in format ${header.values.format}, which is not known` : `packed with ${format}`;
    throw fail(
      'format.unsupported',
      'opening the libvirt save image',
      `its stream is ${named}`,
      'Save again with save_image_format = "sparse" or "raw" in /etc/libvirt/qemu.conf.',
      { where: { path, offset: fieldOf(header, 'format').offset, field: 'format' } },
    );
  }
  const dataOffset = endOf(header);
  const dataLength = header.values['data length'];
  const streamOffset = fileOffset(dataOffset + dataLength);
  if (streamOffset >= cursor.size) {
    throw fail(
      'format.truncated',
      'opening the libvirt save image',
      `the stream should begin at ${hex(streamOffset)}, but the file ends at ${hex(cursor.size)}`,
      'The file is not whole: nothing of the VM is in it.',
      { where: { path, offset: fieldOf(header, 'data length').offset, field: 'data length' } },
    );
  }
  const cookieAt = header.values['cookie offset'];
  if (cookieAt > dataLength) {
    const { offset } = fieldOf(header, 'cookie offset');
    throw badValue(cursor, offset, 'cookie offset', `${cookieAt} is past the data, which is ${dataLength} bytes long`);
  }
  const xmlLimit = cookieAt === 0 ? dataLength : cookieAt;
  const xml = range(dataOffset, await lengthToNul(cursor, dataOffset, xmlLimit));
  const cookie =
    cookieAt === 0
      ? null
      : range(dataOffset + cookieAt, await lengthToNul(cursor, dataOffset + cookieAt, dataLength - cookieAt));
  const finished = header.values.magic !== LIBVIRT_PARTIAL_MAGIC;
  return { image: { header, xml, cookie, format, finished }, streamOffset };
}

/** Little- or big-endian, by which of them makes the version a known one. */
async function byteOrder(cursor: ByteCursor, { fields: [magic, field] }: typeof LIBVIRT_HEADER): Promise<Endian> {
  const versionAt = Number(magic.size);
  await cursor.need(versionAt + field.size, 'libvirt header, version');
  const head = cursor.peek(versionAt + field.size);
  for (const endian of ['little', 'big'] as const) {
    const version = readUint(head, versionAt, field.size, endian);
    if (version >= 1 && version <= LIBVIRT_VERSION) return endian;
  }
  const version = readUint(head, versionAt, field.size, 'little');
  throw fail(
    'format.unsupported',
    'opening the libvirt save image',
    `its version is ${hex(version)}, and ${LIBVIRT_VERSION} is the newest one known`,
    'Restore it with the libvirt that saved it.',
    { where: { path: cursor.source.name, offset: fileOffset(cursor.offset + versionAt), field: 'version' } },
  );
}

/** Bytes before the first NUL, at most `limit`. */
async function lengthToNul(cursor: ByteCursor, offset: number, limit: number): Promise<number> {
  const most = Math.min(limit, XML_LIMIT);
  for (let done = 0; done < most;) {
    const chunk = await cursor.source.read(fileOffset(offset + done), byteCount(Math.min(CHUNK, most - done)));
    const nul = chunk.indexOf(0);
    if (nul >= 0) return done + nul;
    if (chunk.length === 0) return done;
    done += chunk.length;
  }
  return most;
}

const range = (offset: number, length: number): Range => ({ offset: fileOffset(offset), length: byteCount(length) });
