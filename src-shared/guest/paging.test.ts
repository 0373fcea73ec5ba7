import { describe, expect, it } from 'vitest';
import { guestPhysical, type GuestPhysical } from '../bytes/units';
import type { Registers } from '../contracts/devices';
import { translate } from './translate';
import type { GuestMemory, Walk } from './walk';

/** RAM of 1 MiB at 0, and table entries in it by their guest-physical addresses. */
function memoryOf(entries: Readonly<Record<number, bigint>>): GuestMemory {
  const ram = Buffer.alloc(2 ** 20);
  for (const [at, entry] of Object.entries(entries)) ram.writeBigUInt64LE(BigInt.asUintN(64, entry), Number(at));
  return {
    read: (address: GuestPhysical, length) =>
      Promise.resolve(address + length <= ram.length ? ram.subarray(address, address + length) : null),
  };
}

async function walk(registers: Registers, entries: Readonly<Record<number, bigint>>, address: bigint): Promise<Walk> {
  return translate(memoryOf(entries), registers, address);
}

/** `0x1234, 4096` or why it is not mapped. */
async function endOf(
  registers: Registers,
  entries: Readonly<Record<number, bigint>>,
  address: bigint,
): Promise<string> {
  const { end } = await walk(registers, entries, address);
  return end.kind === 'mapped' ? `0x${end.address.toString(16)}, ${end.pageSize ?? 'no paging'}` : end.why;
}

const PG = 2 ** 31;
const PSE = 2 ** 4;
const PAE = 2 ** 5;
const LA57 = 2 ** 12;
const LMA = 2 ** 10;
const LONG = { cr0: PG, cr3: 0x1000, cr4: PAE, efer: LMA };

const TABLE_FLAGS = ['present', 'writable', 'accessed'];
const PAGE_FLAGS = ['present', 'accessed', 'dirty', 'global', 'no execute'];

describe('x86', () => {
  it('without paging an address is itself, and has 32 bits', async () => {
    expect(await endOf({ cr0: 0, cr3: 0, cr4: 0 }, {}, 0xfffffff0n)).toBe('0xfffffff0, no paging');
    expect(await endOf({ cr0: 0, cr3: 0, cr4: 0 }, {}, 2n ** 32n)).toMatch(/32 bits/);
  });

  it('32-bit paging: 4 KiB and 4 MiB pages, and those above 4 GiB (PSE-36)', async () => {
    const registers = { cr0: PG, cr3: 0x1fff, cr4: PSE };
    // Entries of 4 bytes, two in each of these.
    const entries = {
      0x1000: (0x00400083n << 32n) | 0x2003n,
      0x1008: 0x00c0_6083n,
      0x2000: 0n,
      0x2008: 0x0abc_d001n << 32n,
    };
    expect(await endOf(registers, entries, 0x3123n)).toBe('0xabcd123, 4096');
    expect(await endOf(registers, entries, 0x412345n)).toBe(`0x412345, ${2 ** 22}`);
    expect(await endOf(registers, entries, 0x812345n)).toBe(`0x300c12345, ${2 ** 22}`);
    expect(await endOf(registers, entries, 0x2123n)).toBe('its PT entry at guest-physical 0x2008 is not present');
    expect(await endOf({ ...registers, cr4: 0 }, entries, 0x412345n)).toBe(
      'its PT entry at guest-physical 0x400048 is not in RAM',
    );
  });

  it('PAE: 4 KiB and 2 MiB pages', async () => {
    const registers = { cr0: PG, cr3: 0x1020, cr4: PAE, efer: 0 };
    const entries = {
      0x1038: 0x2001n,
      0x2000: 0x3003n,
      0x2008: (1n << 63n) | 0xf_0020_0083n,
      0x3010: 0x000f_ffff_ffff_f003n,
    };
    expect(await endOf(registers, entries, 0xc0002abcn)).toBe('0xffffffffffabc, 4096');
    expect(await endOf(registers, entries, 0xc0212345n)).toBe(`0xf00212345, ${2 ** 21}`);
    expect(await endOf(registers, entries, 0x0n)).toBe('its PDPT entry at guest-physical 0x1020 is not present');
  });

  it('4 levels: every step is told', async () => {
    const entries = { 0x1ff8: 0x2063n, 0x2ff0: 0x3063n, 0x3000: 0x4063n, 0x4008: (1n << 63n) | 0x5161n };
    expect(await walk(LONG, entries, 0xffffffff80001234n)).toEqual({
      mode: 'x86-64, 4 levels',
      steps: [
        { table: 'PML4', index: 511, entryAt: 0x1ff8, entry: 0x2063n, leadsTo: 'next table', flags: TABLE_FLAGS },
        { table: 'PDPT', index: 510, entryAt: 0x2ff0, entry: 0x3063n, leadsTo: 'next table', flags: TABLE_FLAGS },
        { table: 'PD', index: 0, entryAt: 0x3000, entry: 0x4063n, leadsTo: 'next table', flags: TABLE_FLAGS },
        {
          table: 'PT',
          index: 1,
          entryAt: 0x4008,
          entry: (1n << 63n) | 0x5161n,
          leadsTo: '4 KiB page',
          flags: PAGE_FLAGS,
        },
      ],
      end: { kind: 'mapped', address: 0x5234, pageSize: 4096 },
    });
  });

  it('2 MiB and 1 GiB pages, whose attribute bit 12 is no part of the address', async () => {
    const entries = { 0x1000: 0x2003n, 0x2000: 0x3003n, 0x2008: 0x40001083n, 0x3008: 0x601083n };
    expect(await endOf(LONG, entries, 0x2abcden)).toBe(`0x6abcde, ${2 ** 21}`);
    expect(await endOf(LONG, entries, 0x4abcdef0n)).toBe(`0x4abcdef0, ${2 ** 30}`);
  });

  it('5 levels, and what 4 cannot hold', async () => {
    const five = { ...LONG, cr4: PAE + LA57 };
    const entries = { 0x1008: 0x2003n, 0x2000: 0x3003n, 0x3000: 0x83n };
    expect(await endOf(five, entries, 2n ** 48n + 5n)).toBe(`0x5, ${2 ** 30}`);
    expect(await endOf(LONG, entries, 2n ** 48n + 5n)).toMatch(/no table of 4 levels/);
    expect(await endOf(LONG, entries, 2n ** 47n)).toMatch(/no table of 4 levels/);
    expect(await endOf(five, entries, 2n ** 56n)).toMatch(/no table of 5 levels/);
    expect((await walk(five, entries, 2n ** 64n - 2n ** 56n)).steps[0]?.index).toBe(256);
  });

  it('a table that is not in RAM, or refers to itself, ends the walk', async () => {
    expect(await endOf({ ...LONG, cr3: '1048576' }, {}, 0n)).toBe(
      'its PML4 entry at guest-physical 0x100000 is not in RAM',
    );
    expect(await endOf(LONG, { 0x1000: 0x1003n }, 0xabcn)).toBe('0x1abc, 4096');
  });
});

/** Fields of TCR_EL1: lengths of both halves, granules, the size of what comes out. */
const tcr = (t0sz: number, tg0: number, more = 0n): string =>
  String(BigInt(t0sz) + (BigInt(tg0) << 14n) + (16n << 16n) + (2n << 30n) + more);

const EL1 = 0x3c5;
const ARM = { pstate: EL1, sctlr_el1: 1, ttbr0_el1: 0x1000, ttbr1_el1: 0x8000, tcr_el1: tcr(16, 0) };
const VALID_TABLE = 3n;
const BLOCK = 1n;

const NO_EXECUTE = ['no execute in the kernel', 'no execute in processes'];

describe('AArch64', () => {
  it('without the MMU an address is itself', async () => {
    expect(await endOf({ ...ARM, sctlr_el1: 0 }, {}, 0x40000000n)).toBe('0x40000000, no paging');
    expect(await endOf({ ...ARM, sctlr_el1: 0 }, {}, 2n ** 52n)).toMatch(/more bits/);
  });

  it('4 KiB granule, 48 bits: pages, 2 MiB and 1 GiB blocks, every step told', async () => {
    const entries = {
      0x1000: 0x2000n + VALID_TABLE,
      0x2000: 0x3000n + VALID_TABLE,
      0x2008: 0x8000_0000n + BLOCK,
      0x3000: 0x4000n + VALID_TABLE,
      0x3008: 0x20_0000n + BLOCK,
      0x4028: 0x0060_0000_4000_0703n,
      0x4030: 0x5001n,
    };
    expect(await walk(ARM, entries, 0x5123n)).toMatchObject({
      mode: 'AArch64, 4 levels, 4 KiB granule',
      steps: [
        { table: 'level 0', index: 0, entryAt: 0x1000, leadsTo: 'next table' },
        { table: 'level 1', index: 0, entryAt: 0x2000, leadsTo: 'next table' },
        { table: 'level 2', index: 0, entryAt: 0x3000, leadsTo: 'next table' },
        {
          table: 'level 3',
          index: 5,
          entryAt: 0x4028,
          leadsTo: '4 KiB page',
          flags: ['valid', 'writable', 'accessed', ...NO_EXECUTE],
        },
      ],
      end: { kind: 'mapped', address: 0x4000_0123, pageSize: 4096 },
    });
    expect(await endOf(ARM, entries, 0x212345n)).toBe(`0x212345, ${2 ** 21}`);
    expect(await endOf(ARM, entries, 0x4abcdef0n)).toBe(`0x8abcdef0, ${2 ** 30}`);
    // A block cannot be at the last level.
    expect(await endOf(ARM, entries, 0x6000n)).toBe('its level 3 entry at guest-physical 0x4030 is not valid');
    expect(await endOf(ARM, entries, 0x7000n)).toBe('its level 3 entry at guest-physical 0x4038 is not valid');
  });

  it('the upper half has tables of its own; between the halves is nothing', async () => {
    const entries = { 0x8ff8: 0x9000n + VALID_TABLE, 0x9ff8: 0xc000_0000n + BLOCK };
    expect(await endOf(ARM, entries, 0xffff_ffff_ffff_fff8n)).toBe(`0xfffffff8, ${2 ** 30}`);
    expect(await endOf(ARM, entries, 0xfffe_ffff_ffff_fff8n)).toMatch(/between the lower and the upper half/);
    expect(await endOf(ARM, entries, 2n ** 48n)).toMatch(/between the lower and the upper half/);
  });

  it('a tag in the top byte is ignored where it is to be', async () => {
    const entries = { 0x1000: 0x2000n + VALID_TABLE, 0x2000: BLOCK };
    const tagged = 0xab00_0000_0000_1234n;
    expect(await endOf({ ...ARM, tcr_el1: tcr(16, 0, 1n << 37n) }, entries, tagged)).toBe(`0x1234, ${2 ** 30}`);
    expect(await endOf(ARM, entries, tagged)).toMatch(/between/);
  });

  it('walks that are switched off map nothing', async () => {
    expect(await endOf({ ...ARM, tcr_el1: tcr(16, 0, 1n << 7n) }, {}, 0n)).toMatch(/switched off/);
  });

  it('39 bits begin at level 1, and a short first table need not be aligned to a page', async () => {
    const entries = { 0x1000: 0x2000n + VALID_TABLE, 0x2000: 0x20_0000n + BLOCK };
    expect(await endOf({ ...ARM, tcr_el1: tcr(25, 0) }, entries, 0x1234n)).toBe(`0x201234, ${2 ** 21}`);
    const short = { 0x1fc8: 0x4000_0000n + BLOCK };
    expect(await endOf({ ...ARM, ttbr0_el1: 0x1fc0, tcr_el1: tcr(31, 0) }, short, 0x4000_1234n)).toBe(
      `0x40001234, ${2 ** 30}`,
    );
  });

  it('16 KiB granule: 4 levels, of which the first has 2 entries; blocks of 32 MiB', async () => {
    const registers = { ...ARM, ttbr0_el1: 0x4000, tcr_el1: tcr(16, 2) };
    const entries = {
      0x4008: 0x8000n + VALID_TABLE,
      0x8000: 0xc000n + VALID_TABLE,
      0xc000: 0x10000n + VALID_TABLE,
      0xc008: 0x400_0000n + BLOCK,
      0x10010: 0x4_c000n + VALID_TABLE,
    };
    const { mode, steps } = await walk(registers, entries, 2n ** 47n + 0x8123n);
    expect(mode).toBe('AArch64, 4 levels, 16 KiB granule');
    expect(steps.map(({ index }) => index)).toEqual([1, 0, 0, 2]);
    expect(await endOf(registers, entries, 2n ** 47n + 0x8123n)).toBe('0x4c123, 16384');
    expect(await endOf(registers, entries, 2n ** 47n + 2n ** 25n + 5n)).toBe(`0x4000005, ${2 ** 25}`);
  });

  it('64 KiB granule: 3 levels; with 52 bits, those above 48 are in bits 12 to 15', async () => {
    const registers = { ...ARM, ttbr0_el1: 0x10000, tcr_el1: tcr(16, 1) };
    const entries = {
      0x10000: 0x20000n + VALID_TABLE,
      0x20000: 0x30000n + VALID_TABLE,
      0x20008: 0x4000_0000n + BLOCK,
      0x30008: 0x5_0000n + 0x3000n + VALID_TABLE,
    };
    expect(await endOf(registers, entries, 0x1_2345n)).toBe('0x52345, 65536');
    expect(await endOf(registers, entries, 0x2000_0007n)).toBe(`0x40000007, ${2 ** 29}`);
    const wide = { ...registers, tcr_el1: tcr(12, 1, 6n << 32n) };
    expect(await endOf(wide, entries, 0x1_2345n)).toBe('0x3000000052345, 65536');
  });

  it('52 bits with a 4 KiB granule (LPA2): 5 levels, and address bits 50 and 51 in bits 8 and 9', async () => {
    const registers = { ...ARM, tcr_el1: tcr(12, 0, 1n << 59n) };
    const entries = { 0x1008: 0x2000n + VALID_TABLE, 0x2000: 0x3000n + VALID_TABLE, 0x3000: 0x200n + BLOCK };
    const { mode, steps } = await walk(registers, entries, 2n ** 48n + 7n);
    expect(mode).toBe('AArch64, 5 levels, 4 KiB granule');
    expect(steps.map(({ table }) => table)).toEqual(['level -1', 'level 0', 'level 1']);
    expect(await endOf(registers, entries, 2n ** 48n + 7n)).toBe(`0x8000000000007, ${2 ** 30}`);
  });

  it('the tables of EL2 are used at EL2; with VHE for both halves', async () => {
    const el2 = { ...ARM, pstate: 0x3c9, sctlr_el2: 1, ttbr0_el2: 0x1000, ttbr1_el2: 0x8000, tcr_el2: 16 };
    const entries = {
      0x1000: 0x2000n + VALID_TABLE,
      0x2000: 0x4000_0000n + BLOCK,
      0x8ff8: 0x9000n + VALID_TABLE,
      0x9ff8: BLOCK,
    };
    expect(await endOf(el2, entries, 0x1234n)).toBe(`0x40001234, ${2 ** 30}`);
    const vhe = { ...el2, hcr_el2: String(1n << 34n), tcr_el2: tcr(16, 0) };
    expect(await endOf(vhe, entries, 2n ** 64n - 8n)).toBe(`0x3ffffff8, ${2 ** 30}`);
  });

  it.each([
    ['a guest of its own', { ...ARM, hcr_el2: 1 }],
    ['EL3', { ...ARM, pstate: 0x3cd }],
    ['32-bit code in a privileged mode', { ...ARM, pstate: undefined, cpsr: 0x1d3 }],
    ['another kind of CPU', { pc: 1 }],
  ])('%s is refused', async (_, registers) => {
    const known = Object.fromEntries(Object.entries(registers).filter(([, value]) => value !== undefined)) as Registers;
    await expect(walk(known, {}, 0n)).rejects.toMatchObject({ failure: { code: 'format.unsupported' } });
  });
});

it('entries of random bits end every walk, mapped or not', async () => {
  let seed = 1;
  const next = (): number => (seed = (seed * 48271) % 0x7fffffff);
  const random: GuestMemory = {
    read: (_: GuestPhysical, length) =>
      Promise.resolve(next() % 8 === 0 ? null : Uint8Array.from({ length }, () => next() % 256)),
  };
  for (let round = 0; round < 3000; round++) {
    const address = BigInt.asUintN(64, BigInt(next()) * BigInt(next()) * 7n) - (next() % 2 === 0 ? 0n : 2n ** 48n);
    const strange = String(BigInt.asUintN(64, BigInt(next()) * BigInt(next()) * 31n));
    const registers: Registers =
      round % 2 === 0
        ? { cr0: PG, cr3: strange, cr4: next() % 8192, efer: LMA }
        : { ...ARM, ttbr0_el1: strange, ttbr1_el1: strange, tcr_el1: String((BigInt(strange) * 3n) % 2n ** 64n) };
    const { steps, end } = await translate(random, registers, BigInt.asUintN(64, address));
    expect(steps.length).toBeLessThanOrEqual(5);
    if (end.kind === 'mapped') expect(guestPhysical(end.address)).toBeLessThan(2 ** 52);
  }
});
