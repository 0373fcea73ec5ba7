/** Registers of an AArch64 CPU out of its section `cpu` (QEMU target/arm/machine.c, `vmstate_arm_cpu`). */
import type { FieldJson, FieldsJson } from '../contracts/devices';
import { isInteger, listOf, RegisterList, type RegisterEntry } from './register-fields';

/** x0 … x30; element 31 is the stack pointer in use. */
const GENERAL = 31;

/**
 * System registers are saved as a list of numbers with a list of values. A number is KVM's (`KVM_REG_ARM64_SYSREG`), from
 * the register's op0, op1, CRn, CRm and op2 as the Arm ARM has them; with TCG it is the same (`cpreg_to_kvm_id`).
 */
const systemRegister = (op0: number, op1: number, crn: number, crm: number, op2: number): bigint =>
  0x6030000000130000n + BigInt(op0 * 2 ** 14 + op1 * 2 ** 11 + crn * 2 ** 7 + crm * 2 ** 3 + op2);

const SYSTEM: ReadonlyMap<bigint, string> = new Map([
  [systemRegister(3, 0, 1, 0, 0), 'sctlr_el1'],
  [systemRegister(3, 0, 2, 0, 0), 'ttbr0_el1'],
  [systemRegister(3, 0, 2, 0, 1), 'ttbr1_el1'],
  [systemRegister(3, 0, 2, 0, 2), 'tcr_el1'],
  [systemRegister(3, 0, 1, 0, 2), 'cpacr_el1'],
  [systemRegister(3, 0, 5, 2, 0), 'esr_el1'],
  [systemRegister(3, 0, 6, 0, 0), 'far_el1'],
  [systemRegister(3, 0, 10, 2, 0), 'mair_el1'],
  [systemRegister(3, 0, 12, 0, 0), 'vbar_el1'],
  [systemRegister(3, 0, 13, 0, 1), 'contextidr_el1'],
  [systemRegister(3, 0, 13, 0, 4), 'tpidr_el1'],
  [systemRegister(3, 3, 13, 0, 2), 'tpidr_el0'],
  [systemRegister(3, 3, 13, 0, 3), 'tpidrro_el0'],
  [systemRegister(3, 0, 0, 0, 0), 'midr_el1'],
  [systemRegister(3, 0, 0, 0, 5), 'mpidr_el1'],
  [systemRegister(3, 0, 0, 7, 0), 'id_aa64mmfr0_el1'],
  [systemRegister(3, 0, 0, 7, 2), 'id_aa64mmfr2_el1'],
  [systemRegister(3, 4, 1, 0, 0), 'sctlr_el2'],
  [systemRegister(3, 4, 1, 1, 0), 'hcr_el2'],
  [systemRegister(3, 4, 2, 0, 0), 'ttbr0_el2'],
  [systemRegister(3, 4, 2, 0, 1), 'ttbr1_el2'],
  [systemRegister(3, 4, 2, 0, 2), 'tcr_el2'],
]);

/** Of r0 … r15, those with another name. */
const NARROW: Readonly<Record<number, string>> = { 13: 'sp', 14: 'lr', 15: 'pc' };

/** Whether a CPU with this state runs 32-bit code (PSTATE.nRW); `cpsr` then has the layout of CPSR. */
const runs32Bit = (state: number): boolean => Math.floor(state / 16) % 2 === 1;

/** null when these are not the fields of an AArch64 CPU. */
export function aarch64Registers(fields: FieldsJson): readonly RegisterEntry[] | null {
  const general = listOf(fields['env.xregs']);
  if (!isInteger(fields['env.pc']) || general.length <= GENERAL) return null;
  const list = new RegisterList(fields);
  const state = bigEndian(fields['cpsr']);
  if (state !== undefined && runs32Bit(state)) {
    for (const index of listOf(fields['env.regs']).keys()) list.add(NARROW[index] ?? `r${index}`, 'env.regs', index);
    list.addValue('cpsr', state, 'cpsr');
  } else {
    for (let index = 0; index < GENERAL; index++) list.add(`x${index}`, 'env.xregs', index);
    list.add('sp', 'env.xregs', GENERAL).add('pc', 'env.pc').addValue('pstate', state, 'cpsr');
  }
  for (const level of [0, 1, 2, 3]) list.add(`sp_el${level}`, 'env.sp_el', level);
  for (const level of [1, 2, 3]) list.add(`elr_el${level}`, 'env.elr_el', level);
  for (const [index, id] of listOf(fields['cpreg_vmstate_indexes']).entries()) {
    const name = isInteger(id) ? SYSTEM.get(BigInt(id)) : undefined;
    if (name !== undefined) list.add(name, 'cpreg_vmstate_values', index);
  }
  return list.entries;
}

/** `cpsr` is a type of its own, which is shown as bytes: `60 00 03 c5`. */
function bigEndian(value: FieldJson | undefined): number | undefined {
  if (typeof value !== 'string' || !/^[\da-f]{2}( [\da-f]{2}){3}$/.test(value)) return undefined;
  return Number.parseInt(value.replaceAll(' ', ''), 16);
}
