/** Registers of an x86 CPU out of its section `cpu` (QEMU target/i386/machine.c, `vmstate_x86_cpu`). */
import type { FieldJson, FieldsJson, Registers } from '../contracts/devices';
import { isGroup, isInteger, listOf, RegisterList, type RegisterValue } from './register-fields';

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

/** null when these are not the fields of an x86 CPU. A 32-bit target's registers have their 32-bit names. */
export function x86Registers(fields: FieldsJson): Registers | null {
  const regs = listOf(fields['env.regs']);
  if (!isInteger(fields['env.eip']) || regs.length < GENERAL_32.length) return null;
  const wide = regs.length >= GENERAL_64.length;
  const list = new RegisterList();
  for (const [index, name] of (wide ? GENERAL_64 : GENERAL_32).entries()) list.add(name, regs[index]);
  list.add(wide ? 'rip' : 'eip', fields['env.eip']).add(wide ? 'rflags' : 'eflags', fields['env.eflags']);
  const segments = listOf(fields['env.segs']);
  for (const [index, name] of SEGMENTS.entries()) list.addGroup(name, segmentOf(segments[index]));
  for (const name of ['ldt', 'tr']) list.addGroup(name, segmentOf(fields[`env.${name}`]));
  for (const name of ['gdt', 'idt']) list.addGroup(name, tableOf(fields[`env.${name}`]));
  for (const [name, field] of SINGLE) list.add(name, fields[field]);
  // dr4 and dr5 are other names of dr6 and dr7.
  const debug = listOf(fields['env.dr']);
  for (const index of [0, 1, 2, 3, 6, 7]) list.add(`dr${index}`, debug[index]);
  return list.done();
}

function segmentOf(value: FieldJson | undefined): Readonly<Record<string, RegisterValue>> | null {
  if (!isGroup(value)) return null;
  const { selector, base, limit, flags } = value;
  if (!isInteger(selector) || !isInteger(base) || !isInteger(limit) || !isInteger(flags)) return null;
  return { selector, base, limit, flags };
}

function tableOf(value: FieldJson | undefined): Readonly<Record<string, RegisterValue>> | null {
  const segment = segmentOf(value);
  return segment === null ? null : { base: segment['base'] ?? 0, limit: segment['limit'] ?? 0 };
}
