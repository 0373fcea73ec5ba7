/** Registers of an AArch64 CPU out of its section `cpu` (QEMU target/arm/machine.c, `vmstate_arm_cpu`). */
import type { FieldJson, FieldsJson, Registers } from '../contracts/devices';
import { isInteger, listOf, RegisterList } from './register-fields';

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

/** null when these are not the fields of an AArch64 CPU. */
export function aarch64Registers(fields: FieldsJson): Registers | null {
  const general = listOf(fields['env.xregs']);
  if (!isInteger(fields['env.pc']) || general.length <= GENERAL) return null;
  const list = new RegisterList();
  for (const [index, value] of general.slice(0, GENERAL).entries()) list.add(`x${index}`, value);
  list.add('sp', general[GENERAL]).add('pc', fields['env.pc']).add('pstate', bigEndian(fields['cpsr']));
  for (const [level, value] of listOf(fields['env.sp_el']).entries()) list.add(`sp_el${level}`, value);
  for (const [level, value] of listOf(fields['env.elr_el']).entries()) if (level > 0) list.add(`elr_el${level}`, value);
  const values = listOf(fields['cpreg_vmstate_values']);
  for (const [index, id] of listOf(fields['cpreg_vmstate_indexes']).entries()) {
    const name = isInteger(id) ? SYSTEM.get(BigInt(id)) : undefined;
    if (name !== undefined) list.add(name, values[index]);
  }
  return list.done();
}

/** `cpsr` is a type of its own, which is shown as bytes: `60 00 03 c5`. */
function bigEndian(value: FieldJson | undefined): number | undefined {
  if (typeof value !== 'string' || !/^[\da-f]{2}( [\da-f]{2}){3}$/.test(value)) return undefined;
  return Number.parseInt(value.replaceAll(' ', ''), 16);
}
