/** Guest-virtual addresses of Linux guests, against what QEMU itself says at the save. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byteCount, fileOffset } from '../../src-shared/bytes/units';
import { MAX_LEADS } from '../../src-shared/contracts/inspector-leads';
import { createInspectorLeads } from '../../src-worker/inspector/leads';
import { armArgv, armGuest } from '../support/arm-guest';
import { armPages } from '../support/arm-pages';
import { devicesOfFile } from '../support/devices';
import { hmp, mappedPages, type MappedPage } from '../support/guest-pages';
import { linuxArgv, linuxGuest } from '../support/linux-guest';
import { PlainQemu } from '../support/plain-qemu';
import { expectRegisters, parseArmRegisters, parseRegisters, type RegisterValues } from '../support/registers';
import { sampleAddresses } from '../support/sample-addresses';
import { SerialConsole } from '../support/serial-console';
import { makeTempDir, removeTempDir } from '../support/temp';
import {
  askQemu,
  expectFoundAgain,
  expectSame,
  openForTranslation,
  type Asked,
  type OpenFile,
} from '../support/translations';

const MIB = 2 ** 20;
const ADDRESSES = 10_000;

let folder = '';

beforeAll(async () => {
  folder = await makeTempDir('sft');
});

afterAll(() => removeTempDir(folder));

async function untilReady(serial: string): Promise<void> {
  const console = await SerialConsole.open(serial);
  try {
    await console.ready();
  } finally {
    console.close();
  }
}

describe.each([
  { title: '4 levels', machine: 'q35', cpu: 'max,la57=off,pdpe1gb=off', memoryMiB: 384, levels: 4 },
  { title: '5 levels and 1 GiB pages', machine: 'pc', cpu: 'max', memoryMiB: 3328, levels: 5 },
])('x86-64 with $title', ({ machine, cpu, memoryMiB, levels }) => {
  const path = () => join(folder, `linux-${levels}`);
  let asked: readonly Asked[] = [];
  let registers: RegisterValues = {};
  let file: OpenFile;

  beforeAll(async () => {
    const serial = join(folder, `serial-${levels}`);
    const argv = linuxArgv(await linuxGuest(), { serial, machine, cpu, memoryMiB });
    const vm = await PlainQemu.start({ argv, folder });
    try {
      await untilReady(serial);
      const pages = await stopInProcess(vm);
      asked = await askQemu(
        vm,
        sampleAddresses(pages, (physical) => physical < memoryMiB * MIB, ADDRESSES),
      );
      registers = parseRegisters(await hmp(vm, 'info registers -a'))[0] ?? {};
      await vm.save(`file:${path()}`, { mappedRam: true, channels: 2 });
    } finally {
      await vm.stop();
    }
    file = await openForTranslation(path());
  }, 180_000);

  afterAll(() => file.source.close());

  it('10,000 addresses are where gva2gpa has them, and their bytes are those of xp', async () => {
    const { sizes, user, notRam } = await expectSame(file, asked, `x86-64, ${levels} levels`);
    expect(asked.length).toBe(ADDRESSES);
    expect(sizes.get('4096')).toBeGreaterThanOrEqual(3000);
    expect(sizes.get(String(2 * MIB))).toBeGreaterThanOrEqual(1000);
    expect(sizes.get('not mapped')).toBeGreaterThanOrEqual(500);
    if (levels === 5) expect(sizes.get(String(1024 * MIB))).toBeGreaterThanOrEqual(10);
    expect(user).toBeGreaterThanOrEqual(100);
    // Interrupt controllers, timers, PCI configuration.
    expect(notRam).toBeGreaterThanOrEqual(5);
    expect(notRam).toBeLessThan(200);
  });

  it('each step is an entry of the guest’s tables, at its place in the file', async () => {
    const small = asked.find(({ physical, large }) => physical !== null && !large);
    const gva = `0x${(small?.address ?? 0n).toString(16)}`;
    const { steps } = await file.translator.ask({ kind: 'gva', gva, cpu: 0 });
    expect(steps.map(({ table }) => table)).toEqual(['PML5', 'PML4', 'PDPT', 'PD', 'PT'].slice(5 - levels));
    for (const step of steps) {
      const bytes = await file.source.read(fileOffset(step.fileOffset ?? 0), byteCount(8));
      expect(`0x${Buffer.from(bytes).readBigUInt64LE().toString(16)}`).toBe(step.value);
    }
    expect(BigInt(steps[0]?.guestPhysical ?? 0) / 4096n).toBe((registers['cr3'] ?? 0n) / 4096n);
  });

  it('the registers are those of `info registers`, and each is taken to where it points', async () => {
    const cpu0 = (await devicesOfFile(path())).devices.find(({ name }) => name === 'cpu');
    expectRegisters(cpu0?.registers, registers);
    for (const register of ['rip', 'rsp', 'gdt.base', 'lstar']) {
      const found = await file.translator.ask({ kind: 'register', register, cpu: 0 });
      const byAddress = await file.translator.ask({ kind: 'gva', gva: found.gva, cpu: 0 });
      expect(found).toEqual({ ...byAddress, register });
      expect(found.mapped).toBe(true);
      if (registers[register] !== undefined) expect(BigInt(found.gva)).toBe(registers[register]);
    }
  });

  it('2,000 addresses are found again from their places in the file, and every address that is answered leads back', async () => {
    const { others } = await expectFoundAgain(file, asked, 2000);
    // The kernel has most of its memory twice: where it lies, and in its map of all RAM.
    expect(others).toBeGreaterThan(200);
  });

  it('addresses that stand in bytes lead where QEMU says, in one question; code alone can be run', async () => {
    const { leadsOf } = createInspectorLeads({ opened: () => Promise.resolve({ places: file.places }) });
    const some = asked.slice(0, MAX_LEADS);
    const leads = await leadsOf(
      some.map(({ address }) => `0x${address.toString(16)}`),
      0,
    );
    expect(leads.filter((lead) => lead !== null).length).toBeGreaterThan(100);
    for (const [index, { address, physical, bytes }] of some.entries()) {
      const lead = leads[index] ?? null;
      if (physical === null) expect(lead, address.toString(16)).toBeNull();
      if (lead === null) continue;
      const read = await file.source.read(fileOffset(lead.fileOffset), byteCount(bytes.length / 2));
      expect(Buffer.from(read).toString('hex'), address.toString(16)).toBe(bytes);
    }
    const at = (register: string): string => `0x${(registers[register] ?? 0n).toString(16)}`;
    const [code, stack] = await leadsOf([at('rip'), at('rsp')], 0);
    expect([code?.executable, stack?.executable]).toEqual([true, false]);
    await expect(
      leadsOf(
        Array.from({ length: MAX_LEADS + 1 }, () => '0x1'),
        0,
      ),
    ).rejects.toMatchObject({
      failure: { code: 'usage' },
    });
    await expect(leadsOf(['1'], 0)).rejects.toMatchObject({ failure: { code: 'usage' } });
  });

  it('what there is not is refused', async () => {
    const ask = file.translator.ask;
    await expect(ask({ kind: 'register', register: 'x0', cpu: 0 })).rejects.toMatchObject({
      failure: { code: 'usage', what: 'cpu 0 has no register x0' },
    });
    await expect(ask({ kind: 'register', register: 'constructor', cpu: 0 })).rejects.toMatchObject({
      failure: { code: 'usage' },
    });
    await expect(ask({ kind: 'gva', gva: '0x0', cpu: 7 })).rejects.toMatchObject({
      failure: { code: 'usage', what: 'it has no cpu 7', todo: 'Its CPUs are: 0.' },
    });
  });
});

/** Stops the guest while the tables of a user process are in use; its pages then. */
async function stopInProcess(vm: PlainQemu): Promise<readonly MappedPage[]> {
  for (let attempt = 0; attempt < 50; attempt++) {
    await vm.qmp('stop');
    const pages = await mappedPages(vm);
    if (pages.filter(({ user }) => user).length > 100) return pages;
    await vm.qmp('cont');
  }
  throw new Error('no process was met');
}

describe('AArch64', () => {
  const RAM = 128 * MIB;
  const path = () => join(folder, 'linux-arm');
  let asked: readonly Asked[] = [];
  let registers: RegisterValues = {};
  let file: OpenFile;

  beforeAll(async () => {
    const guest = await armGuest();
    const serial = join(folder, 'serial-arm');
    const vm = await PlainQemu.start({ argv: armArgv(guest, serial), folder, program: guest.program });
    try {
      await untilReady(serial);
      const isRam = (physical: bigint): boolean => physical >= 0x40000000n && physical < 0x40000000n + BigInt(RAM);
      const pages = await pagesOfProcess(vm, isRam);
      asked = await askQemu(vm, sampleAddresses(pages, isRam, ADDRESSES));
      registers = parseArmRegisters(await hmp(vm, 'info registers'));
    } finally {
      await vm.stop();
    }
    file = await openForTranslation(path());
  }, 180_000);

  /** Stops the guest in its kernel while the tables of a process are in use, and saves it; its pages then. */
  async function pagesOfProcess(vm: PlainQemu, isRam: (physical: bigint) => boolean): Promise<readonly MappedPage[]> {
    for (let attempt = 0; attempt < 50; attempt++) {
      await stopInKernel(vm);
      // The monitor does not tell where the tables are; the file does. The VM goes on standing still.
      await vm.save(`file:${path()}`, { mappedRam: true, channels: 2 });
      const tables = await tablesOf(path());
      const pages = await armPages(vm, RAM, tables.ttbr0, tables.ttbr1);
      if (pages.filter(({ user, physical }) => user && isRam(physical)).length > 20) return pages;
      await vm.qmp('cont');
    }
    throw new Error('no process was met');
  }

  afterAll(() => file.source.close());

  it('10,000 addresses are where gva2gpa has them, and their bytes are those of xp', async () => {
    const { sizes, user, notRam } = await expectSame(file, asked, 'AArch64, 4 levels, 4 KiB granule');
    expect(asked.length).toBe(ADDRESSES);
    expect(sizes.get('4096')).toBeGreaterThanOrEqual(3000);
    expect(sizes.get(String(2 * MIB))).toBeGreaterThanOrEqual(1000);
    expect(sizes.get('not mapped')).toBeGreaterThanOrEqual(500);
    expect(user).toBeGreaterThanOrEqual(100);
    expect(notRam).toBeLessThan(200);
  });

  it('2,000 addresses are found again from their places in the file, and every address that is answered leads back', async () => {
    const { others } = await expectFoundAgain(file, asked, 2000);
    expect(others).toBeGreaterThan(100);
  });

  it('the registers are those of `info registers`, and pc and sp are taken to where they point', async () => {
    const cpu0 = (await devicesOfFile(path())).devices.find(({ name }) => name === 'cpu');
    expectRegisters(cpu0?.registers, registers);
    expect(Object.keys(registers).length).toBeGreaterThan(30);
    for (const register of ['pc', 'sp', 'vbar_el1']) {
      expect(await file.translator.ask({ kind: 'register', register, cpu: 0 })).toMatchObject({ mapped: true });
    }
  });
});

/** Where the guest's page tables are. What is then found there is only asked about, not believed. */
async function tablesOf(path: string): Promise<{ readonly ttbr0: bigint; readonly ttbr1: bigint }> {
  const found = (await devicesOfFile(path)).devices.find(({ name }) => name === 'cpu')?.registers ?? {};
  const valueOf = (name: string): bigint => BigInt(typeof found[name] === 'object' ? 0 : (found[name] ?? 0));
  return { ttbr0: valueOf('ttbr0_el1'), ttbr1: valueOf('ttbr1_el1') };
}

/** In the kernel, which may read everything that is mapped: `gva2gpa` also asks whether the CPU may read it now. */
async function stopInKernel(vm: PlainQemu): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    await vm.qmp('stop');
    const state = await hmp(vm, 'info registers');
    // An empty stack's pointer is behind its last page, where nothing is mapped.
    if (/PSTATE=[\da-f]+ \S+ +EL1h/.test(state) && !/SP=[\da-f]*000\b/i.test(state)) return;
    await vm.qmp('cont');
  }
  throw new Error('the kernel was not met');
}
