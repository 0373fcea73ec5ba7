import type { FieldsJson, Registers } from '../contracts/devices';
import { eachPart, partsOf, type DeviceData, type FieldNode } from './device-fields';
import type { RegisterEntry, RegisterField, RegisterValue } from './register-fields';
import { aarch64Registers } from './registers-aarch64';
import { x86Registers } from './registers-x86';

/** The registers of a CPU from its section's fields, each with its field; null for other devices and kinds of CPU. */
export function registerEntries(section: string, fields: FieldsJson): readonly RegisterEntry[] | null {
  return section === 'cpu' ? (x86Registers(fields) ?? aarch64Registers(fields)) : null;
}

/** The same as an object: parts of a group (`cs.base`) in an object of their own. */
export function registersOf(section: string, fields: FieldsJson): Registers | null {
  const entries = registerEntries(section, fields);
  if (entries === null) return null;
  const registers: Record<string, RegisterValue | Record<string, RegisterValue>> = {};
  for (const { name, value } of entries) {
    const [group = '', part] = name.split('.');
    if (part === undefined) {
      registers[group] = value;
      continue;
    }
    const before = registers[group];
    if (typeof before === 'object') before[part] = value;
    else registers[group] = { [part]: value };
  }
  return registers;
}

/** The node of the field that holds a register; null when the device has none such. */
export function registerNode(
  device: FieldNode,
  data: DeviceData,
  { field, index, part }: RegisterField,
): FieldNode | null {
  let left = index ?? 0;
  for (const node of eachPart(device, data)) {
    if (node.name !== field) continue;
    const elements = node.kind === 'array' ? partsOf(node, data) : null;
    const count = elements?.count ?? 1;
    if (left >= count) {
      left -= count;
      continue;
    }
    const found = elements === null ? node : elements.at(left);
    return part === null ? found : ([...eachPart(found, data)].find(({ name }) => name === part) ?? null);
  }
  return null;
}
