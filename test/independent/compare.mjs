#!/usr/bin/env node
/**
 * Compares the RAM of two migration files, every RAMBlock page for page: mapped-ram files, ordinary streams, or one of each.
 * A page whose bit is clear is zero whatever is under it, one that a stream has several times counts as the last, and one
 * that a stream never has is zero. Goes by walk.mjs; shares no code with src-*.
 *
 *   node test/independent/compare.mjs FILE FILE [STREAM_OFFSET STREAM_OFFSET]
 *
 * Prints JSON: the blocks of the first file with how many of their pages are not zero, and the first page that differs.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { walk } from './walk.mjs';

const CHUNK_PAGES = 256;
const NEVER_SENT = -1;
/** Pages filled with one byte are kept as this, less the byte. */
const FILLED = -2;

/** A file's blocks, by name, with a function that reads pages. */
function openRam(path, streamOffset) {
  const fd = openSync(path, 'r');
  const places = new Map();
  const report = walk(path, streamOffset, ({ block, address, offset, fill }) => {
    if (!places.has(block)) places.set(block, new Map());
    places.get(block).set(address, offset ?? FILLED - fill);
  });
  const pageSize = report.ramBlocks.find((block) => block.pageSize !== null)?.pageSize ?? 4096;
  const blocks = new Map(
    report.ramBlocks.map((block) => {
      const bitmap = block.bitmapOffset === null ? null : Buffer.alloc(block.bitmapLength);
      if (bitmap !== null) readSync(fd, bitmap, 0, bitmap.length, block.bitmapOffset);
      const sent = places.get(block.name);
      /** Where a page's bytes are in the file, or one of the negative values above. */
      const placeOf = (page) => {
        if (bitmap === null) return sent?.get(page * pageSize) ?? NEVER_SENT;
        return (bitmap[page >> 3] >> (page & 7)) & 1 ? block.pagesOffset + page * pageSize : NEVER_SENT;
      };
      return [block.name, { name: block.name, pages: Math.ceil(block.usedLength / pageSize), placeOf }];
    }),
  );
  return { fd, pageSize, blocks };
}

/** `count` pages of a block from `first` on, into `into`; runs that follow one another in the file in one read. */
function readPages({ fd, pageSize }, { placeOf, name }, first, count, into) {
  for (let index = 0; index < count;) {
    const place = placeOf(first + index);
    let run = 1;
    if (place < 0) {
      into.fill(place === NEVER_SENT ? 0 : FILLED - place, index * pageSize, (index + 1) * pageSize);
    } else {
      while (index + run < count && placeOf(first + index + run) === place + run * pageSize) run++;
      const got = readSync(fd, into, index * pageSize, run * pageSize, place);
      if (got !== run * pageSize) throw new Error(`${name}: only ${got} bytes at ${place}`);
    }
    index += run;
  }
}

/** @param {readonly [string, string]} paths @param {readonly [number | null, number | null]} streamOffsets */
export function compare(paths, streamOffsets = [null, null]) {
  const [left, right] = paths.map((path, index) => openRam(path, streamOffsets[index]));
  const { pageSize } = left;
  const buffers = [0, 1].map(() => Buffer.alloc(CHUNK_PAGES * pageSize));
  const zero = Buffer.alloc(pageSize);
  const report = { pageSize, blocks: [], difference: null };
  try {
    const names = (file) => [...file.blocks.values()].map(({ name, pages }) => `${name} ${pages}`);
    if (names(left).sort().join() !== names(right).sort().join()) {
      throw new Error(`other blocks: ${names(left).join(', ')} and ${names(right).join(', ')}`);
    }
    for (const block of left.blocks.values()) {
      let notZero = 0;
      for (let first = 0; first < block.pages; first += CHUNK_PAGES) {
        const count = Math.min(CHUNK_PAGES, block.pages - first);
        readPages(left, block, first, count, buffers[0]);
        readPages(right, right.blocks.get(block.name), first, count, buffers[1]);
        for (let page = 0; page < count; page++) {
          const [a, b] = buffers.map((buffer) => buffer.subarray(page * pageSize, (page + 1) * pageSize));
          if (!a.equals(zero)) notZero += 1;
          if (report.difference === null && !a.equals(b)) {
            const byte = a.findIndex((value, index) => value !== b[index]);
            report.difference = { block: block.name, page: first + page, byte, values: [a[byte], b[byte]] };
          }
        }
      }
      report.blocks.push({ name: block.name, pages: block.pages, notZero });
    }
    return report;
  } finally {
    closeSync(left.fd);
    closeSync(right.fd);
  }
}

const [first, second, ...offsets] = process.argv.slice(2);
if (second === undefined) {
  process.stderr.write('usage: node compare.mjs FILE FILE [STREAM_OFFSET STREAM_OFFSET]\n');
  process.exitCode = 2;
} else {
  const [a = null, b = null] = offsets.map(Number);
  process.stdout.write(`${JSON.stringify(compare([first, second], [a, b]))}\n`);
}
