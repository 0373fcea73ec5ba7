/** A device's fields as `devices --json` prints them. */
import type { FieldJson, FieldsJson } from '../contracts/devices';
import { eachPart, partsOf, type DeviceData, type FieldNode } from './device-fields';
import { hexBytes, valueOf, type FieldValue } from './field-values';

/** What may be spent, and what has been found wrong. */
export interface FieldBudget {
  /** How many more values are made. */
  values: number;
  /** Called for everything that is wrong with a field, or cut short. */
  readonly onProblem: (offset: number, what: string) => void;
}

/** Longest field of which all bytes are shown: a virtio GPU saves its screens in one field. */
export const LONGEST_VALUE = 32 * 1024 * 1024;

/**
 * The fields of a device or structure by name, in the order of the stream. Values of one name become a list, and a
 * subsection stands under its own name, as scripts/analyze-migration.py has them. When the budget is used up, what is left
 * is left out and `onProblem` told.
 */
export function fieldsJson(node: FieldNode, data: DeviceData, budget: FieldBudget): FieldsJson {
  // Without a prototype, so that no name in a file means anything.
  const fields = Object.create(null) as Record<string, FieldJson | FieldJson[]>;
  for (const part of eachPart(node, data)) {
    if (part.kind === 'framing') continue;
    if (part.problem !== null) budget.onProblem(part.offset, part.problem);
    if (part.kind === 'undescribed') continue;
    if (!add(fields, part, data, budget)) break;
  }
  return fields;
}

/** False when the budget is used up. */
function add(
  fields: Record<string, FieldJson | FieldJson[]>,
  node: FieldNode,
  data: DeviceData,
  budget: FieldBudget,
): boolean {
  if (node.kind !== 'array') {
    if (!spend(node, budget)) return false;
    put(fields, node.name, jsonOf(node, data, budget));
    return true;
  }
  const elements = partsOf(node, data);
  for (let index = 0; index < elements.count; index++) {
    const element = elements.at(index);
    if (!spend(element, budget)) return false;
    if (element.problem !== null) budget.onProblem(element.offset, element.problem);
    put(fields, node.name, jsonOf(element, data, budget));
  }
  return true;
}

function spend(node: FieldNode, budget: FieldBudget): boolean {
  if (budget.values-- > 0) return true;
  budget.onProblem(node.offset, 'There are more fields from here on than are listed.');
  return false;
}

function put(fields: Record<string, FieldJson | FieldJson[]>, name: string, value: FieldJson): void {
  const before = fields[name];
  if (before === undefined) fields[name] = value;
  else if (Array.isArray(before)) before.push(value);
  else fields[name] = [before, value];
}

function jsonOf(node: FieldNode, data: DeviceData, budget: FieldBudget): FieldJson {
  // `vstruct`, `tmp` and lists have parts here, but QEMU's script prints their bytes, and so does this.
  const group = node.kind === 'state' && (node.type === 'struct' || node.type === 'subsection');
  if (group) return fieldsJson(node, data, budget);
  return valueJson(node, valueOf(node, data), budget);
}

function valueJson(node: FieldNode, value: FieldValue, budget: FieldBudget): FieldJson {
  switch (value.kind) {
    case 'integer':
      return integerJson(value.value);
    case 'bool':
      return value.value;
    case 'nullptr':
      return 'nullptr';
    case 'bytes':
      if (value.bytes.length <= LONGEST_VALUE) return hexBytes(value.bytes);
      budget.onProblem(
        node.offset,
        `${node.name} has ${value.bytes.length} bytes; the first ${LONGEST_VALUE} are shown.`,
      );
      return hexBytes(value.bytes.subarray(0, LONGEST_VALUE));
    case 'unread':
      budget.onProblem(node.offset, `${node.name} lies too deep in its section to be shown.`);
      return null;
  }
}

/** A number where it is exact, else its decimal digits. */
export function integerJson(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}
