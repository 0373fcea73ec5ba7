import type { FieldsJson, Registers } from '../contracts/devices';
import { aarch64Registers } from './registers-aarch64';
import { x86Registers } from './registers-x86';

/** The registers of a CPU from its section's fields; null for other devices and other kinds of CPU. */
export function registersOf(section: string, fields: FieldsJson): Registers | null {
  return section === 'cpu' ? (x86Registers(fields) ?? aarch64Registers(fields)) : null;
}
