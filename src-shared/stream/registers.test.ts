import { describe, expect, it } from 'vitest';
import type { FieldsJson } from '../contracts/devices';
import { registersOf } from './registers';

const numbers = (count: number, from = 0): readonly number[] => Array.from({ length: count }, (_, at) => from + at);
const segment = (base: number) => ({ selector: 8, base, limit: 0xffff, flags: 0x9b00 });

const X86: FieldsJson = {
  'env.regs': numbers(16, 100),
  'env.eip': '18446744071579418624',
  'env.eflags': 0x246,
  'env.segs': numbers(6, 0x1000).map(segment),
  'env.ldt': segment(1),
  'env.tr': segment(2),
  'env.gdt': segment(3),
  'env.idt': segment(4),
  'env.cr[0]': 0x80050033,
  'env.cr[3]': 0x4000,
  'env.efer': 0xd01,
  'env.dr': numbers(8, 700),
};

describe('registers of an x86 CPU', () => {
  it('have their names, in the order in which QEMU keeps them', () => {
    const found = registersOf('cpu', X86);
    expect(found).toMatchObject({ rax: 100, rcx: 101, rdx: 102, rbx: 103, rsp: 104, rbp: 105, rsi: 106, rdi: 107 });
    expect(found).toMatchObject({ r8: 108, r15: 115, rip: '18446744071579418624', rflags: 0x246 });
    expect(found).toMatchObject({ es: segment(0x1000), cs: segment(0x1001), ss: segment(0x1002), ds: segment(0x1003) });
    expect(found).toMatchObject({ fs: segment(0x1004), gs: segment(0x1005), gdt: { base: 3, limit: 0xffff } });
    expect(found).toMatchObject({ cr0: 0x80050033, cr3: 0x4000, efer: 0xd01, dr0: 700, dr7: 707 });
    expect(found).not.toHaveProperty('cr2');
    expect(found).not.toHaveProperty('dr4');
  });

  it('of a 32-bit target have the names of 32 bits', () => {
    const found = registersOf('cpu', { ...X86, 'env.regs': numbers(8, 100) });
    expect(found).toMatchObject({ eax: 100, edi: 107, eip: '18446744071579418624', eflags: 0x246 });
    expect(found).not.toHaveProperty('rip');
  });
});

describe('registers of an AArch64 CPU', () => {
  const ids = ['6930010044', '603000000013c080', '603000000013c100', '603000000013c102'];
  const fields: FieldsJson = {
    'env.xregs': numbers(32, 1000),
    'env.pc': 0x40080000,
    cpsr: '60 00 03 c5',
    'env.sp_el': numbers(4, 50),
    'env.elr_el': numbers(4, 60),
    cpreg_vmstate_indexes: ids.map((id) => String(BigInt(`0x${id}`))),
    cpreg_vmstate_values: [1, 0x30d0199d, 0x41000000, '11529215046068469760'],
  };

  it('have their names; system registers are found by their numbers', () => {
    expect(registersOf('cpu', fields)).toMatchObject({
      ...{ x0: 1000, x30: 1030, sp: 1031, pc: 0x40080000, pstate: 0x600003c5, sp_el0: 50, sp_el1: 51, elr_el1: 61 },
      ...{ sctlr_el1: 0x30d0199d, ttbr0_el1: 0x41000000, tcr_el1: '11529215046068469760' },
    });
  });
});

it('other devices and other CPUs have none', () => {
  expect(registersOf('cpu_common', X86)).toBeNull();
  expect(registersOf('cpu', {})).toBeNull();
  expect(registersOf('cpu', { 'env.regs': 'x', 'env.eip': 1 })).toBeNull();
  expect(registersOf('cpu', { 'env.xregs': [1], 'env.pc': 1 })).toBeNull();
});
