import { blockOffset, guestPhysical, hex, pageIndex } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import type { LocateQuery, LocateReport } from '@shared/contracts/inspect';
import type { RamRange } from '@shared/contracts/library';
import { isPagePresent } from '@shared/mapped-ram/bitmap';
import { bitmapOf } from '@shared/mapped-ram/byte-order';
import type { MappedHeader, MappedPages } from '@shared/mapped-ram/header';
import type { RamBlock } from '@shared/stream/model';
import type { OpenSnapshot } from './open';

/** A place in a block: which one, and how far into it. */
export interface Spot {
  readonly block: RamBlock;
  readonly offset: number;
}

/** A block with pages at fixed places. */
export type MappedBlock = RamBlock & { readonly header: MappedHeader & { readonly mapped: MappedPages } };

/**
 * Where a page, a file offset or a guest-physical address is. `ramMap` comes from a snapshot's manifest; without it no
 * guest-physical address is known, and to ask for one rejects with `usage`, as does a block or place that the file does
 * not have. `format.unsupported`: the block's pages have no fixed place, or the bitmap's byte order is not known.
 */
export async function locateInSnapshot(
  snapshot: OpenSnapshot,
  query: LocateQuery,
  ramMap: readonly RamRange[],
): Promise<LocateReport> {
  const { block, offset } = spotOf(snapshot, query, ramMap);
  const mapped = requireMapped(snapshot, block);
  const { pageSize } = mapped.header;
  const page = pageIndex(Math.floor(offset / pageSize));
  return {
    block: block.name,
    page,
    guestPhysical: guestPhysicalOf(block.name, offset, ramMap),
    fileOffset: mapped.header.mapped.pages.offset + offset,
    present: await isPresent(snapshot, mapped, page),
  };
}

function spotOf(snapshot: OpenSnapshot, query: LocateQuery, ramMap: readonly RamRange[]): Spot {
  switch (query.kind) {
    case 'page':
      return spotOfPage(snapshot, query.block, query.page);
    case 'offset':
      return spotOfOffset(snapshot, query.offset);
    case 'gpa':
      return spotOfAddress(snapshot, query.gpa, ramMap);
  }
}

function blockNamed(snapshot: OpenSnapshot, name: string): RamBlock {
  const block = snapshot.stream.ramBlocks.find((candidate) => candidate.name === name);
  if (block !== undefined) return block;
  const names = snapshot.stream.ramBlocks.map((candidate) => candidate.name).join(', ');
  throw refuse(snapshot, `there is no RAM block ${name}`, names === '' ? 'The file lists none.' : `It has: ${names}.`);
}

function spotOfPage(snapshot: OpenSnapshot, name: string, page: number): Spot {
  const block = requireMapped(snapshot, blockNamed(snapshot, name));
  const { pageSize, pagesTotal } = block.header;
  if (!Number.isSafeInteger(page) || page < 0 || page >= pagesTotal) {
    throw refuse(snapshot, `${name} has no page ${page}`, `Its pages are 0 to ${pagesTotal - 1}.`);
  }
  return { block, offset: page * pageSize };
}

/** The block whose pages hold an offset of the file; null when none do. */
export function spotInPages({ stream }: OpenSnapshot, offset: number): Spot | null {
  for (const block of stream.ramBlocks) {
    const pages = block.header?.mapped?.pages;
    if (pages && offset >= pages.offset && offset < pages.offset + pages.length) {
      return { block, offset: offset - pages.offset };
    }
  }
  return null;
}

function spotOfOffset(snapshot: OpenSnapshot, offset: number): Spot {
  const spot = spotInPages(snapshot, offset);
  if (spot !== null) return spot;
  throw refuse(
    snapshot,
    `offset ${hex(offset)} is in no page`,
    'stillframe inspect lists where each block has its pages.',
  );
}

function spotOfAddress(snapshot: OpenSnapshot, address: number, ramMap: readonly RamRange[]): Spot {
  if (ramMap.length === 0) {
    throw refuse(
      snapshot,
      'a memory file does not say where its blocks are in the guest',
      'Name a snapshot of the library, whose manifest holds the RAM map.',
    );
  }
  const range = ramMap.find(({ guestPhysical: start, length }) => address >= start && address < start + length);
  if (range === undefined) {
    throw refuse(
      snapshot,
      `no RAM is at guest-physical ${hex(address)}`,
      'The manifest lists the ranges that have RAM.',
    );
  }
  const block = blockNamed(snapshot, range.block);
  const offset = blockOffset(range.blockOffset + (address - range.guestPhysical));
  if (offset < block.usedLength) return { block, offset };
  throw refuse(snapshot, `${block.name} ends before guest-physical ${hex(address)}`, 'The RAM map is of another save.');
}

/** Guest-physical address of a place in a block: of its first mapping, where a ROM has several. */
function guestPhysicalOf(block: string, offset: number, ramMap: readonly RamRange[]): number | null {
  const range = ramMap.find(
    (candidate) =>
      candidate.block === block && offset >= candidate.blockOffset && offset < candidate.blockOffset + candidate.length,
  );
  return range === undefined ? null : guestPhysical(range.guestPhysical + (offset - range.blockOffset));
}

/** Rejects with `format.unsupported` when the block's pages have no fixed place. */
export function requireMapped(snapshot: OpenSnapshot, block: RamBlock): MappedBlock {
  if (isMapped(block)) return block;
  throw fail(
    'format.unsupported',
    'locating a page',
    `the pages of ${block.name} have no fixed place in this file`,
    'Only mapped-ram files have one.',
    { where: { path: snapshot.stream.name, offset: block.record.offset, field: block.name } },
  );
}

const isMapped = (block: RamBlock): block is MappedBlock => block.header?.mapped != null;

/** Whether a page's bytes are in the file; rejects as `locateInSnapshot`. */
export async function isPresent(
  snapshot: OpenSnapshot,
  block: MappedBlock,
  page: ReturnType<typeof pageIndex>,
): Promise<boolean> {
  const { source, stream, order, orderFinding } = snapshot;
  const path = stream.name;
  const { offset } = block.header.mapped.bitmap;
  const bitmap = bitmapOf(block, stream.size);
  if (bitmap === null) {
    throw fail(
      'format.truncated',
      'locating a page',
      'the bitmap lies past the end of the file',
      'The file is not whole.',
      {
        where: { path, offset, field: `bitmap of ${block.name}` },
      },
    );
  }
  if (order === 'unknown') {
    throw fail(
      'format.unsupported',
      'locating a page',
      `the byte order of the bitmaps cannot be told: ${orderFinding.why}`,
      'Load the file with the QEMU that saved it.',
      { where: { path, offset, field: `bitmap of ${block.name}` } },
    );
  }
  return isPagePresent(source, bitmap, page, order === 'either' ? 'little' : order);
}

const refuse = (snapshot: OpenSnapshot, what: string, todo: string): Error =>
  fail('usage', 'locating a page', what, todo, { where: { path: snapshot.stream.name } });
