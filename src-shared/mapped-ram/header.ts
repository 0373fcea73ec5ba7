import type { Range } from '../bytes/ranges';
import { endOf, fieldOf, type Parsed } from '../bytes/table';
import { byteCount, fileOffset, hex, pageCount, type ByteCount, type PageCount } from '../bytes/units';
import { fail, type FailureCode } from '../contracts/failure';
import type { Severity } from '../contracts/inspect';
import { MAPPED_RAM_VERSION, type MAPPED_RAM_HEADER } from './layout';

type HeaderRecord = Parsed<typeof MAPPED_RAM_HEADER>;

/** Bitmap and pages of a block: the lengths follow from the used length. */
export interface MappedPages {
  readonly bitmap: Range;
  readonly pages: Range;
}

export interface MappedHeader {
  readonly record: HeaderRecord;
  readonly pageSize: number;
  readonly pagesTotal: PageCount;
  /** null: both offsets are 0, the block was skipped. */
  readonly mapped: MappedPages | null;
}

export type HeaderProblem = 'bad-value' | 'truncated' | 'misplaced';

/** Told of what is wrong but can be lived with. */
export type Report = (severity: Severity, code: HeaderProblem, offset: number, message: string) => void;

/** Smallest and largest target page taken: QEMU's targets have 1 KiB … 64 KiB. */
const SMALLEST_PAGE = 512;
const LARGEST_PAGE = 16 * 1024 * 1024;

export const isPageSize = (size: number): boolean =>
  size >= SMALLEST_PAGE && size <= LARGEST_PAGE && Number.isInteger(Math.log2(size));

/** Bytes of the bitmap of `pages` pages: whole 64-bit words, as the saving host's longs are. */
export const bitmapBytes = (pages: number): number => Math.ceil(pages / 64) * 8;

/**
 * What a block's header says, checked against the block. What can be lived with is told to `report`; what leaves
 * no way to go on is thrown: `format.unsupported` for a newer version, `format.bad-value` otherwise.
 *
 * A skipped block has both offsets 0. The pages offset needs only the alignment of a target page; QEMU's writer rounds
 * it up to 1 MiB.
 */
export function checkMappedHeader(
  record: HeaderRecord,
  block: { readonly name: string; readonly usedLength: ByteCount },
  file: { readonly name: string; readonly size: number },
  report: Report,
): MappedHeader {
  const { version, 'page size': pageSize, 'bitmap offset': bitmapOffset, 'pages offset': pagesOffset } = record.values;
  const place = (field: string) => fieldOf(record, field).offset;
  const stop = (code: FailureCode, field: string, what: string, todo: string): Error =>
    fail(code, 'reading a mapped-ram header', what, todo, {
      where: { path: file.name, offset: place(field), field: `${field} of ${block.name}` },
    });
  const bad = (field: string, what: string): Error =>
    stop('format.bad-value', field, what, 'The header is damaged: what stands before it can still be read.');

  if (version > MAPPED_RAM_VERSION) {
    throw stop(
      'format.unsupported',
      'version',
      `it is ${version}, and ${MAPPED_RAM_VERSION} is the newest one known`,
      'Load the file with the QEMU that saved it.',
    );
  }
  if (version !== MAPPED_RAM_VERSION) throw bad('version', `it is ${version}, not ${MAPPED_RAM_VERSION}`);
  if (!isPageSize(pageSize)) throw bad('page size', `${pageSize} is no page size`);
  const pagesTotal = pageCount(Math.floor(block.usedLength / pageSize));
  if (block.usedLength % pageSize !== 0) {
    report(
      'error',
      'bad-value',
      place('page size'),
      `${block.name} is ${block.usedLength} bytes long, which is no multiple of its page size ${pageSize}.`,
    );
  }
  if (bitmapOffset === 0 && pagesOffset === 0) return { record, pageSize, pagesTotal, mapped: null };
  if (bitmapOffset === 0) throw bad('bitmap offset', 'it is 0, but the pages offset is not');
  if (pagesOffset < endOf(record)) {
    throw bad('pages offset', `${hex(pagesOffset)} lies before the end of its own header, ${hex(endOf(record))}`);
  }
  const bitmapLength = bitmapBytes(pagesTotal);
  if (!Number.isSafeInteger(pagesOffset + block.usedLength)) throw bad('pages offset', 'the pages end past 2^53');
  if (!Number.isSafeInteger(bitmapOffset + bitmapLength)) throw bad('bitmap offset', 'the bitmap ends past 2^53');
  if (pagesOffset % pageSize !== 0) {
    report(
      'error',
      'bad-value',
      place('pages offset'),
      `Pages offset ${hex(pagesOffset)} of ${block.name} is not a multiple of ${pageSize}.`,
    );
  }
  if (bitmapOffset !== endOf(record)) {
    report(
      'warning',
      'misplaced',
      place('bitmap offset'),
      `The bitmap of ${block.name} is at ${hex(bitmapOffset)}, not behind its header, where QEMU writes it.`,
    );
  }
  if (bitmapOffset + bitmapLength > file.size) {
    report(
      'error',
      'truncated',
      place('bitmap offset'),
      `The bitmap of ${block.name} (${hex(bitmapOffset)}, ${bitmapLength} bytes) lies past the end of the file, ${hex(file.size)}.`,
    );
  }
  if (pagesOffset + block.usedLength > file.size) {
    report(
      'error',
      'truncated',
      place('pages offset'),
      `The pages of ${block.name} (${hex(pagesOffset)}, ${block.usedLength} bytes) reach past the end of the file, ${hex(file.size)}.`,
    );
  }
  return {
    record,
    pageSize,
    pagesTotal,
    mapped: {
      bitmap: { offset: fileOffset(bitmapOffset), length: byteCount(bitmapLength) },
      pages: { offset: fileOffset(pagesOffset), length: block.usedLength },
    },
  };
}
