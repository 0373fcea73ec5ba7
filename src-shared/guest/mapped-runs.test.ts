import { describe, expect, it } from 'vitest';
import { guestPhysical, type GuestPhysical } from '../bytes/units';
import type { Registers } from '../contracts/devices';
import { FRAME_BYTES, MappedRuns, type RunLimits } from './mapped-runs';
import { addressSpaceOf, translate } from './translate';
import type { GuestMemory } from './walk';

const LIMITS: RunLimits = { tables: 100_000, runs: 100_000 };
const RAM_BYTES = 2 ** 22;

/** RAM of 4 MiB at 0 that entries can be put into. */
class Ram implements GuestMemory {
  readonly bytes = Buffer.alloc(RAM_BYTES);
  reads = 0;

  read(address: GuestPhysical, length: number): Promise<Uint8Array | null> {
    this.reads += 1;
    const end = address + length;
    return Promise.resolve(end <= RAM_BYTES ? new Uint8Array(this.bytes.subarray(address, end)) : null);
  }
}

const collect = (ram: GuestMemory, registers: Registers, limits = LIMITS): Promise<MappedRuns> =>
  MappedRuns.collect(ram, addressSpaceOf(registers), limits, () => undefined);

function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => Math.floor(((state = (state * 48271) % 0x7fffffff) / 0x7fffffff) * below);
}

const PG = 2 ** 31;
const PAE = 2 ** 5;
const LMA = 2 ** 10;
const LA57 = 2 ** 12;
const LONG: Registers = { cr0: PG, cr3: 0x1000, cr4: PAE, efer: LMA };
const tcr = (size: number, granule: number, upperGranule: number): string =>
  String(BigInt(size) + (BigInt(granule) << 14n) + (BigInt(size) << 16n) + (BigInt(upperGranule) << 30n));
const ARM: Registers = { pstate: 0x3c5, sctlr_el1: 1, ttbr0_el1: 0x10000, ttbr1_el1: 0x20000, tcr_el1: tcr(16, 0, 2) };

interface Kind {
  readonly title: string;
  readonly registers: Registers;
  readonly entryBytes: 4 | 8;
  /** What makes an entry lead to a table, to a large page, to the smallest page. */
  readonly table: number;
  readonly large: number;
  readonly small: number;
}
const X86 = { entryBytes: 8, table: 1, large: 0x81, small: 1 } as const;
const A64 = { entryBytes: 8, table: 3, large: 1, small: 3 } as const;

const KINDS: readonly Kind[] = [
  { title: 'x86-64 with 4 levels', registers: LONG, ...X86 },
  { title: 'x86-64 with 5 levels', registers: { ...LONG, cr4: PAE + LA57 }, ...X86 },
  { title: 'x86 with PAE', registers: { ...LONG, efer: 0 }, ...X86 },
  { title: 'x86 with 32 bits', registers: { ...LONG, cr4: 16, efer: 0 }, ...X86, entryBytes: 4 },
  { title: 'AArch64 with a 4 KiB granule', registers: ARM, ...A64 },
  { title: 'AArch64 with 16 KiB', registers: { ...ARM, tcr_el1: tcr(16, 2, 1) }, ...A64 },
  { title: 'AArch64 with 64 KiB', registers: { ...ARM, tcr_el1: tcr(22, 1, 3) }, ...A64 },
  { title: 'AArch64 with 39 bits', registers: { ...ARM, tcr_el1: tcr(25, 0, 2) }, ...A64 },
];

/** Fills the RAM with entries that lead to tables and to pages of it, often to the same, and to none. */
function fillAtRandom(ram: Ram, { entryBytes, table, large, small }: Kind, seed: number): void {
  const below = randomFrom(seed);
  const tableAt = (): number => (1 + below(40)) * 0x10000 + below(2) * 0x1000;
  const put = (at: number): number => {
    const kind = [table, table, large, small][below(4)] ?? table;
    return ram.bytes.writeUIntLE(tableAt() + kind, at, 4);
  };
  for (let count = 0; count < 300; count += 1) put(tableAt() + ([0, 3, 256, 511][below(4)] ?? 0) * entryBytes);
  for (const at of [0x1000, 0x10000, 0x20000]) for (const index of [0, 1, 3, 256, 511]) put(at + index * entryBytes);
}

/** Every virtual page that the tables map, by taking each way down one entry at a time: 4 KiB pages counted from 0. */
async function everyMapping(ram: Ram, registers: Registers): Promise<{ size: number; address: number }[]> {
  const found: { size: number; address: number }[] = [];
  for (const tree of addressSpaceOf(registers).trees) {
    const top = (tree.levels[0]?.shift ?? 0) + (tree.levels[0]?.indexBits ?? 0);
    const wholeOf = (low: bigint): bigint =>
      tree.above === 'ones' || (tree.above === 'repeated' && low >> BigInt(top - 1) === 1n)
        ? 2n ** 64n - 2n ** BigInt(top) + low
        : low;
    const descend = async (depth: number, prefix: bigint): Promise<void> => {
      const level = tree.levels[depth];
      if (level === undefined) return;
      const start = (await translate(ram, registers, wholeOf(prefix))).steps[depth]?.entryAt ?? 0;
      for (let index = 0; index < 2 ** level.indexBits; index += 1) {
        const entryAt = start + index * tree.entryBytes;
        if (entryAt + 4 > RAM_BYTES || ram.bytes.readUInt32LE(entryAt) === 0) continue;
        const low = prefix + (BigInt(index) << BigInt(level.shift));
        const { steps, end } = await translate(ram, registers, wholeOf(low));
        const here = steps[depth];
        if (here === undefined) continue;
        if (here.leadsTo === 'next table') await descend(depth + 1, low);
        else if (end.kind === 'mapped' && steps.length === depth + 1) {
          found.push({ size: end.pageSize ?? 0, address: end.address });
        }
      }
    };
    await descend(0, 0n);
  }
  return found;
}

const addressesOf = (runs: MappedRuns, address: number): readonly bigint[] =>
  runs
    .of(Math.floor(address / FRAME_BYTES), 1e6)
    .pages.map((page) => BigInt(page) * 4096n + BigInt(address % FRAME_BYTES));

describe.each(KINDS)('$title, with tables at random', (kind) => {
  it.each([1, 2, 3])('every answer leads back, and none is missing (%d)', async (seed) => {
    const ram = new Ram();
    fillAtRandom(ram, kind, seed * 7919);
    const runs = await collect(ram, kind.registers);
    expect(runs.complete).toBe(true);
    const all = await everyMapping(ram, kind.registers);
    expect(all.length).toBeGreaterThan(3);
    const wanted = new Map<number, number>();
    for (const { address, size } of all) {
      // First, last and a middle frame of each page; how many ways lead to each is counted by hand.
      for (const frame of new Set(
        [0, size / 2, size - FRAME_BYTES].map((at) => Math.floor((address + at) / FRAME_BYTES)),
      )) {
        wanted.set(
          frame,
          all.filter((one) => frame * FRAME_BYTES >= one.address && frame * FRAME_BYTES < one.address + one.size)
            .length,
        );
      }
    }
    for (const [frame, count] of [...wanted].slice(0, 100)) {
      const address = frame * FRAME_BYTES + 0x123;
      const found = addressesOf(runs, address);
      expect(new Set(found).size).toBe(found.length);
      expect(found.length).toBe(count);
      expect(runs.of(frame, 1).total).toBe(count);
      for (const virtual of found.slice(0, 10)) {
        expect((await translate(ram, kind.registers, virtual)).end).toMatchObject({ kind: 'mapped', address });
      }
    }
  });
});

describe('what is preferred', () => {
  it('is the address in the longest stretch, of equal ones the lowest; the others ascend', async () => {
    const ram = new Ram();
    const put = (at: number, entry: number): number => ram.bytes.writeUIntLE(entry, at, 6);
    // A map of all RAM at 0xffff888000000000 in two pages of 1 GiB; and pages of it elsewhere.
    put(0x1000 + 273 * 8, 0x2001);
    put(0x2000, 0x81);
    put(0x2008, 0x4000_0081);
    put(0x1000, 0x3001);
    put(0x3000, 0x4001);
    put(0x4000, 0x5001);
    for (const index of [7, 3]) put(0x5000 + index * 8, 0x9001);
    const runs = await collect(ram, LONG);
    expect(runs.length).toBe(3);
    expect(addressesOf(runs, 0x9abc)).toEqual([0xffff_8880_0000_9abcn, 0x3abcn, 0x7abcn]);
    expect(addressesOf(runs, 0x7fff_ffff)).toEqual([0xffff_8880_7fff_ffffn]);
    expect(runs.of(0x80000, 9)).toEqual({ total: 0, pages: [] });
    expect(runs.of(9, 2)).toMatchObject({ total: 3, pages: [expect.any(Number), 3] });
  });

  it('without paging an address is itself', async () => {
    const x86 = await collect(new Ram(), { cr0: 0, cr3: 0, cr4: 0 });
    expect(addressesOf(x86, 0xfffffff0)).toEqual([0xfffffff0n]);
    expect(addressesOf(x86, 2 ** 32)).toEqual([]);
    expect(addressesOf(await collect(new Ram(), { ...ARM, sctlr_el1: 0 }), 2 ** 40 + 5)).toEqual([2n ** 40n + 5n]);
  });
});

describe('hostile tables', () => {
  it('that all lead to themselves end at the limit of tables', async () => {
    const ram = new Ram();
    for (let at = 0x1000; at < 0x2000; at += 8) ram.bytes.writeUIntLE(0x1003, at, 6);
    const runs = await collect(ram, LONG, { tables: 5000, runs: 1e5 });
    expect(runs.complete).toBe(false);
    expect(ram.reads).toBeLessThanOrEqual(5000);
    for (const address of addressesOf(runs, 0x1008).slice(0, 50)) {
      expect((await translate(ram, LONG, address)).end).toMatchObject({ kind: 'mapped', address: 0x1008 });
    }
  });

  it('with one entry that leads to itself are gone through whole, the tables found as pages too', async () => {
    const ram = new Ram();
    ram.bytes.writeUIntLE(0x1003, 0x1000 + 0x1ed * 8, 6);
    ram.bytes.writeUIntLE(0x2003, 0x1000, 6);
    const runs = await collect(ram, LONG);
    expect(runs.complete).toBe(true);
    // The way that Windows has its own tables in its memory.
    expect(addressesOf(runs, 0x1f68)).toEqual([0xffff_f6fb_7dbe_df68n]);
  });

  it('that map more stretches than are kept end at that limit, and memory stays bounded', async () => {
    const ram = new Ram();
    ram.bytes.writeUIntLE(0x2001, 0x1000, 6);
    ram.bytes.writeUIntLE(0x3001, 0x2000, 6);
    for (let at = 0x3000; at < 0x4000; at += 8) ram.bytes.writeUIntLE(0x4001, at, 6);
    // Every second frame, backwards: nothing joins.
    for (let index = 0; index < 512; index += 1)
      ram.bytes.writeUIntLE((1024 - index * 2) * 4096 + 1, 0x4000 + index * 8, 6);
    const runs = await collect(ram, LONG, { tables: 1e5, runs: 2000 });
    expect([runs.complete, runs.length]).toEqual([false, 2000]);
    expect(runs.bytes).toBeLessThan(2000 * 26);
  });

  it('of random bits end, whatever the registers say', async () => {
    const below = randomFrom(5);
    for (let round = 0; round < 24; round += 1) {
      const ram = new Ram();
      for (let at = 0; at < RAM_BYTES; at += 4) ram.bytes.writeUInt32LE(below(2) === 0 ? below(RAM_BYTES) | 1 : 0, at);
      const strange = String(below(RAM_BYTES));
      const registers: Registers =
        round % 2 === 0
          ? { cr0: PG, cr3: strange, cr4: below(8192), efer: LMA }
          : { ...ARM, ttbr0_el1: strange, ttbr1_el1: strange, tcr_el1: String(below(2 ** 31)) };
      const runs = await collect(ram, registers, { tables: 300, runs: 5000 });
      for (let frame = 0; frame < 30; frame += 1) {
        for (const address of addressesOf(runs, frame * FRAME_BYTES).slice(0, 5)) {
          expect((await translate(ram, registers, address)).end).toMatchObject({ address: frame * FRAME_BYTES });
        }
      }
    }
  });

  it('stop when they are told to', async () => {
    const stopped = MappedRuns.collect(new Ram(), addressSpaceOf(LONG), LIMITS, () => {
      throw new Error('closed');
    });
    await expect(stopped).rejects.toThrow('closed');
    expect(guestPhysical(0)).toBe(0);
  });
});
