/**
 * Which guest-physical addresses lie in which RAMBlock, from the VM's own memory map.
 *
 * `info mtree -f` tells which addresses of the address space `memory` are RAM or ROM, but names MemoryRegions, and those
 * are no RAMBlock names (`vga.vram` is the region of the block `0000:00:01.0/vga.vram`, and two cards have two such
 * regions). So each range is asked for its host address (`gpa2hva`), which lies in exactly one block of `info ramblock`.
 */
import { fail } from '@shared/contracts/failure';
import type { RamRange } from '@shared/contracts/library';
import { blockOffset, byteCount, guestPhysical } from '@shared/bytes/units';
import type { Qmp } from '../services';

/** A VM has about ten ranges; hotplugged memory and video BARs add some. More than this is no memory map. */
const MAX_RANGES = 4096;

interface FlatRange {
  readonly start: bigint;
  readonly length: bigint;
  /** The MemoryRegion, and where in it the range begins. */
  readonly region: string;
  readonly regionOffset: bigint;
}

/** A range and where this process keeps it; `host` null: it is no RAM any more. */
interface LocatedRange extends FlatRange {
  readonly host: bigint | null;
}

/** A RAMBlock as the monitor lists it. */
export interface HostBlock {
  readonly name: string;
  /** Where it begins in QEMU's own numbering of RAM, in which the first block made has 0. */
  readonly ramAddress: bigint;
  /** Where QEMU's own process has it; null when QEMU does not tell. */
  readonly host: bigint | null;
  readonly usedLength: bigint;
}

/**
 * The VM's RAM map, ascending by guest-physical address, neighbours joined. Memory that the guest cannot reach at present
 * (a BAR not yet placed, ROM behind RAM) is not in it. The VM may run: a range that moves meanwhile is left out.
 */
export async function readRamMap(qmp: Qmp): Promise<RamRange[]> {
  const listed = parseRamBlocks(await qmp.hmp('info ramblock'));
  const ranges = await locateRanges(qmp);
  const blocks = completeBlocks(listed, ranges);
  return joinNeighbours(ranges.flatMap((range) => place(range, blocks) ?? []));
}

/**
 * Every RAMBlock with its host address. `info ramblock` tells it from QEMU 8.0 on; before that it is worked out from the
 * memory map, which does not know all blocks: those have `host` null.
 */
export async function readRamBlocks(qmp: Qmp): Promise<HostBlock[]> {
  const listed = parseRamBlocks(await qmp.hmp('info ramblock'));
  return listed.every(({ host }) => host !== null) ? listed : completeBlocks(listed, await locateRanges(qmp));
}

async function locateRanges(qmp: Qmp): Promise<readonly LocatedRange[]> {
  const ranges = parseFlatView(await qmp.hmp('info mtree -f'));
  if (ranges.length > MAX_RANGES) {
    throw fail(
      'qemu.refused',
      'reading the memory map',
      `QEMU lists ${String(ranges.length)} ranges of RAM`,
      'Report this VM’s command line.',
      { where: { path: qmp.socketPath } },
    );
  }
  const located: LocatedRange[] = [];
  for (const range of ranges)
    located.push({ ...range, host: parseHostAddress(await qmp.hmp(`gpa2hva 0x${range.start.toString(16)}`)) });
  return located;
}

/**
 * Gives blocks without a host address the one of the region that goes by their name, or by its last part
 * (`0000:00:02.0/vga.vram`). A name that two blocks or two regions have stays unknown.
 */
export function completeBlocks(blocks: readonly HostBlock[], ranges: readonly LocatedRange[]): HostBlock[] {
  const names = (block: HostBlock, region: string): boolean =>
    block.name === region || block.name.endsWith(`/${region}`);
  return blocks.map((block) => {
    if (block.host !== null) return block;
    const own = ranges.filter(({ region }) => names(block, region));
    const starts = new Set(own.flatMap(({ host, regionOffset }) => (host === null ? [] : [host - regionOffset])));
    const [start] = starts;
    const rivals = blocks.filter((other) => own.some(({ region }) => names(other, region)));
    return start === undefined || starts.size > 1 || rivals.length > 1 ? block : { ...block, host: start };
  });
}

/** The ranges of RAM and ROM in the address space `memory`, ascending. Text of `info mtree -f`. */
export function parseFlatView(text: string): FlatRange[] {
  const ranges: FlatRange[] = [];
  for (const view of text.split(/^FlatView #\d+/m)) {
    if (!/^ AS "memory", root: /m.test(view)) continue;
    // `0000000100000000-000000017fffffff (prio 0, ram): pc.ram @00000000c0000000 KVM`; also rom, nv-ram, romd.
    for (const match of view.matchAll(
      /^ +([\da-f]{8,16})-([\da-f]{8,16}) \(prio -?\d+, (?:ram|rom|nv-ram|nvram|romd)\): (.+?)(?: @([\da-f]{16}))?(?: KVM)?\s*$/gm,
    )) {
      const [, first = '0', last = '0', region = '', offset = '0'] = match;
      const start = BigInt(`0x${first}`);
      ranges.push({ start, length: BigInt(`0x${last}`) - start + 1n, region, regionOffset: BigInt(`0x${offset}`) });
    }
  }
  return ranges.filter((range) => range.length > 0n).sort((a, b) => (a.start < b.start ? -1 : 1));
}

/**
 * Name, place, used length and, from QEMU 8.0 on, host address of every RAMBlock. Text of `info ramblock`, whose names may
 * hold spaces.
 */
export function parseRamBlocks(text: string): HostBlock[] {
  const row = /^ *(\S.*?) +\d+ [KMGT]?i?B +(0x[\da-f]+) +(0x[\da-f]+) +0x[\da-f]+(?: +(0x[\da-f]+) +r[ow])?\s*$/gm;
  return [...text.matchAll(row)].map(([, name = '', place = '0', used = '0', host]) => ({
    name,
    ramAddress: BigInt(place),
    usedLength: BigInt(used),
    host: host === undefined ? null : BigInt(host),
  }));
}

/** Text of `gpa2hva`; null when the address is no RAM (any more). */
export function parseHostAddress(text: string): bigint | null {
  const match = /\) is (0x[\da-f]+)\s*$/.exec(text);
  return match?.[1] === undefined ? null : BigInt(match[1]);
}

function place({ host, ...range }: LocatedRange, blocks: readonly HostBlock[]): RamRange | null {
  if (host === null) return null;
  const block = blocks.find(
    ({ host: start, usedLength }) => start !== null && host >= start && host < start + usedLength,
  );
  if (block?.host == null) return null;
  const offset = host - block.host;
  if (offset + range.length > block.usedLength) return null;
  return {
    block: block.name,
    blockOffset: blockOffset(Number(offset)),
    guestPhysical: guestPhysical(Number(range.start)),
    length: byteCount(Number(range.length)),
  };
}

/** PAM registers and the like cut one stretch of one block into several: those become one again. */
export function joinNeighbours(ranges: readonly RamRange[]): RamRange[] {
  const joined: RamRange[] = [];
  for (const range of ranges) {
    const before = joined.at(-1);
    const continues =
      before !== undefined &&
      before.block === range.block &&
      before.guestPhysical + before.length === range.guestPhysical &&
      before.blockOffset + before.length === range.blockOffset;
    if (continues) joined[joined.length - 1] = { ...before, length: byteCount(before.length + range.length) };
    else joined.push(range);
  }
  return joined;
}
