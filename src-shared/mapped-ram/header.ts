import { byteCount, fileOffset, hex, pageCount, type ByteCount } from '../bytes/units';
import { fail, type FailureCode } from '../contracts/failure';
import type { Layout } from '../stream/layout';
import type { MappedHeader } from '../stream/model';
import type { Problems } from '../stream/problems';
import { endOf, fieldOf, type Parsed } from '../stream/table';
import { MAPPED_RAM_VERSION } from './layout';

/** Smallest and largest target page taken: QEMU's targets have 1 KiB … 64 KiB. */
const SMALLEST_PAGE = 512;
const LARGEST_PAGE = 16 * 1024 * 1024;

export const isPageSize = (size: number): boolean =>
  size >= SMALLEST_PAGE && size <= LARGEST_PAGE && Number.isInteger(Math.log2(size));

/** Bytes of the bitmap of `pages` pages: whole 64-bit words, as the saving host's longs are. */
export const bitmapBytes = (pages: number): number => Math.ceil(pages / 64) * 8;

/**
 * What a block's header says, checked against the block. What can be lived with is reported to `problems`; what leaves
 * no way to go on is thrown: `format.unsupported` for a newer version, `format.bad-value` otherwise.
 *
 * A skipped block has both offsets 0. The pages offset needs only the alignment of a target page; QEMU's writer rounds
 * it up to 1 MiB.
 */
export function checkMappedHeader(
  record: Parsed<Layout['mappedRamHeader']>,
  block: { readonly name: string; readonly usedLength: ByteCount },
  file: { readonly name: string; readonly size: number },
  problems: Problems,
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
    problems.add(
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
    problems.add(
      'error',
      'bad-value',
      place('pages offset'),
      `Pages offset ${hex(pagesOffset)} of ${block.name} is not a multiple of ${pageSize}.`,
    );
  }
  if (bitmapOffset + bitmapLength > file.size) {
    problems.add(
      'error',
      'truncated',
      place('bitmap offset'),
      `The bitmap of ${block.name} (${hex(bitmapOffset)}, ${bitmapLength} bytes) lies past the end of the file, ${hex(file.size)}.`,
    );
  }
  if (pagesOffset + block.usedLength > file.size) {
    problems.add(
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
