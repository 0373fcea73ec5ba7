/**
 * A mapped-ram file of a guest with much RAM, of which few pages are in the file, far apart: what QEMU wrote of a small guest
 * (configuration, small blocks, devices, description), laid out around a `pc.ram` that is as large as wanted.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeMappedHeader } from '../../src-shared/mapped-ram/writer';
import { placeBlocks, planBlocks, planEnd, type PlacedBlock } from '../../src-shared/mapped-ram/plan';
import { encodeBlockRecord, encodeRamTotal } from '../../src-shared/stream/writer';
import { readMappedFile, type MappedBlock } from './mapped-file';
import { saveWithPlainQemu } from './plain-qemu';
import { randomFrom } from './random';

const PAGE = 4096;
const RAM = 'pc.ram';
/** Most pages that stand side by side. */
const LONGEST_RUN = 6;
/** One run of pages of so many is followed by a page that is zero by now and whose bytes are still there. */
const STALE_APART = 500;

export interface GiantOptions {
  /** Bytes of `pc.ram`. */
  readonly ramBytes: number;
  /** Bytes of its pages that are in the file, about. */
  readonly presentBytes: number;
}

export interface GiantFile {
  readonly path: string;
  readonly size: number;
  /** Of `pc.ram`. */
  readonly pagesOffset: number;
  readonly pagesTotal: number;
  readonly pagesPresent: number;
  /** How often a page is followed by one of another state. */
  readonly runs: number;
  /** Of `pc.ram`; bit n % 8 of byte n / 8 is page n's. */
  readonly bitmap: Uint8Array;
}

/** Starts and saves a small VM, and makes the file of it. `folder` has to be short enough for a socket. */
export async function makeGiantFile(folder: string, name: string, options: GiantOptions): Promise<GiantFile> {
  const template = join(folder, `${name}.small`);
  await saveWithPlainQemu({
    argv: ['-M', 'q35', '-m', '64'],
    folder,
    defaults: true,
    uri: `file:${template}`,
    migrate: { mappedRam: true },
  });
  try {
    return spread(template, join(folder, name), options);
  } finally {
    await rm(template);
  }
}

/** What page `page` of `pc.ram` holds when it is present: its number, then text, pointers, numbers or noise. */
export function giantPage(page: number): Buffer {
  const bytes = Buffer.from(contents[page % contents.length] ?? []);
  bytes.writeBigUInt64LE(BigInt(page), 0);
  return bytes;
}

const contents: readonly Buffer[] = (() => {
  const random = randomFrom(11);
  const below = (limit: number): number => Math.floor(random() * limit);
  const filled = (write: (page: Buffer, at: number) => void): Buffer => {
    const page = Buffer.alloc(PAGE);
    for (let at = 0; at < PAGE; at += 8) write(page, at);
    return page;
  };
  return [
    filled((page, at) => page.writeBigUInt64LE(0xffff888000000000n + BigInt(below(2 ** 24) * 64), at)),
    filled((page, at) => page.write('Stillframe looks into memory. '.slice(below(16), 30), at, 8, 'latin1')),
    filled((page, at) => page.writeUInt32LE(below(3) === 0 ? below(1000) : 0, at)),
    filled((page, at) => page.writeDoubleLE(random() * 2 - 1, at)),
    filled((page, at) => page.fill(below(5) === 0 ? 0xff : below(256), at, at + 8)),
  ];
})();

function spread(template: string, path: string, { ramBytes, presentBytes }: GiantOptions): GiantFile {
  const { blocks } = readMappedFile(template);
  const small = readFileSync(template);
  const [first, last] = [blocks[0], blocks.at(-1)];
  if (first === undefined || last === undefined) throw new Error(`${template} has no RAM`);
  const head = Buffer.from(small.subarray(0, first.recordOffset));
  const tail = small.subarray(last.pagesOffset + last.usedLength);
  const sized = blocks.map((block) => (block.name === RAM ? { ...block, usedLength: ramBytes } : block));
  head.set(encodeRamTotal(sized.reduce((sum, { usedLength }) => sum + usedLength, 0)), head.length - 8);
  const plan = planBlocks(sized, head.length);
  const placed = placeBlocks(plan, head.length);
  const end = planEnd(plan, head.length);
  const ram = placed.find(({ name }) => name === RAM);
  if (ram === undefined) throw new Error(`${template} has no ${RAM}`);

  const file = openSync(path, 'w');
  try {
    writeSync(file, head, 0, head.length, 0);
    for (const block of placed) writeFront(file, block);
    for (const block of blocks) if (block.name !== RAM) writeBlock(file, block, placed);
    writeSync(file, tail, 0, tail.length, end);
    const pages = writeRam(file, ram, presentBytes / PAGE);
    return { path, size: end + tail.length, pagesOffset: ram.pagesOffset, pagesTotal: ramBytes / PAGE, ...pages };
  } finally {
    closeSync(file);
  }
}

function writeFront(file: number, block: PlacedBlock): void {
  const front = Buffer.concat([encodeBlockRecord(block.name, block.usedLength), encodeMappedHeader(block)]);
  writeSync(file, front, 0, front.length, block.recordOffset);
}

function writeBlock(file: number, { name, present, memory }: MappedBlock, placed: readonly PlacedBlock[]): void {
  const place = placed.find((block) => block.name === name);
  if (place === undefined) return;
  const bitmap = Buffer.alloc(place.bitmap.length);
  for (const page of present) {
    bitmap.writeUInt8((bitmap[page >> 3] ?? 0) | (1 << (page & 7)), page >> 3);
    const at = page * place.pageSize;
    writeSync(file, memory, at, place.pageSize, place.pagesOffset + at);
  }
  writeSync(file, bitmap, 0, bitmap.length, place.bitmap.offset);
}

/** Most runs are one page; the gaps between them are as long as they have to be to reach the end. */
function writeRam(file: number, ram: PlacedBlock, wanted: number): Pick<GiantFile, 'pagesPresent' | 'runs' | 'bitmap'> {
  const total = ram.usedLength / PAGE;
  const random = randomFrom(7);
  const bitmap = Buffer.alloc(ram.bitmap.length);
  const meanRun = 0.7 + (0.3 * (LONGEST_RUN + 1)) / 2;
  const meanGap = Math.max(1, (total / wanted - 1) * meanRun);
  const run = Buffer.alloc(LONGEST_RUN * PAGE);
  let [pagesPresent, runs] = [0, 0];
  for (let page = 0; page < total; runs += 1) {
    const length = Math.min(total - page, random() < 0.7 ? 1 : 1 + Math.floor(random() * LONGEST_RUN));
    for (let index = 0; index < length; index += 1) {
      giantPage(page + index).copy(run, index * PAGE);
      bitmap.writeUInt8((bitmap[(page + index) >> 3] ?? 0) | (1 << ((page + index) & 7)), (page + index) >> 3);
    }
    writeSync(file, run, 0, length * PAGE, ram.pagesOffset + page * PAGE);
    pagesPresent += length;
    page += length;
    const gap = 1 + Math.floor(random() * 2 * meanGap);
    if (runs % STALE_APART === 0 && page < total) writeSync(file, run, 0, PAGE, ram.pagesOffset + page * PAGE);
    page += gap;
  }
  writeSync(file, bitmap, 0, bitmap.length, ram.bitmap.offset);
  return { pagesPresent, runs, bitmap };
}
