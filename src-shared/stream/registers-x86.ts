/** Registers of an x86 CPU out of its section `cpu` (QEMU target/i386/machine.c, `vmstate_x86_cpu`). */
import type { FieldsJson } from '../contracts/devices';
import { isInteger, listOf, RegisterList, type RegisterEntry } from './register-fields';

/** In the order of `env.regs` (target/i386/cpu.h, R_EAX …). */
const GENERAL_64 = [
  ...['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'],
  ...['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'],
] as const;
const GENERAL_32 = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'] as const;

/** In the order of `env.segs` (R_ES …). */
const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const;

/** Further registers and the fields that hold them. */
const SINGLE: readonly (readonly [string, string])[] = [
  ['cr0', 'env.cr[0]'],
  ['cr2', 'env.cr[2]'],
  ['cr3', 'env.cr[3]'],
  ['cr4', 'env.cr[4]'],
  ['efer', 'env.efer'],
  ['kernelgsbase', 'env.kernelgsbase'],
  ['star', 'env.star'],
  ['lstar', 'env.lstar'],
  ['cstar', 'env.cstar'],
  ['fmask', 'env.fmask'],
  ['sysenter_cs', 'env.sysenter_cs'],
  ['sysenter_esp', 'env.sysenter_esp'],
  ['sysenter_eip', 'env.sysenter_eip'],
  ['pat', 'env.pat'],
  ['tsc', 'env.tsc'],
  ['xcr0', 'env.xcr0'],
  ['mxcsr', 'env.mxcsr'],
];

/** Parts of a segment register, and of a descriptor table, whose selector and flags mean nothing. */
const SEGMENT_PARTS = ['selector', 'base', 'limit', 'flags'] as const;
const TABLE_PARTS = ['base', 'limit'] as const;

/** dr4 and dr5 are other names of dr6 and dr7. */
const DEBUG = [0, 1, 2, 3, 6, 7] as const;

/** null when these are not the fields of an x86 CPU. A 32-bit target's registers have their 32-bit names. */
export function x86Registers(fields: FieldsJson): readonly RegisterEntry[] | null {
  const general = listOf(fields['env.regs']);
  if (!isInteger(fields['env.eip']) || general.length < GENERAL_32.length) return null;
  const wide = general.length >= GENERAL_64.length;
  const list = new RegisterList(fields);
  for (const [index, name] of (wide ? GENERAL_64 : GENERAL_32).entries()) list.add(name, 'env.regs', index);
  list.add(wide ? 'rip' : 'eip', 'env.eip').add(wide ? 'rflags' : 'eflags', 'env.eflags');
  for (const [index, name] of SEGMENTS.entries()) {
    for (const part of SEGMENT_PARTS) list.add(`${name}.${part}`, 'env.segs', index, part);
  }
  for (const name of ['ldt', 'tr']) {
    for (const part of SEGMENT_PARTS) list.add(`${name}.${part}`, `env.${name}`, null, part);
  }
  for (const name of ['gdt', 'idt']) {
    for (const part of TABLE_PARTS) list.add(`${name}.${part}`, `env.${name}`, null, part);
  }
  for (const [name, field] of SINGLE) list.add(name, field);
  for (const index of DEBUG) list.add(`dr${index}`, 'env.dr', index);
  return list.entries;
}
