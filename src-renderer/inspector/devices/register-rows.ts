/** A CPU's registers as the rows of tables. */
import type { StructureNode } from '@shared/contracts/inspect';
import {
  REGISTER_GROUPS,
  flagWords,
  registerAddress,
  registerGroup,
  type RegisterGroup,
} from '@shared/stream/register-groups';
import type { PlaceKind } from '../places/places';

/** Where a register's value leads: what to type into the location bar. */
export interface RegisterGoal {
  readonly kind: PlaceKind;
  readonly text: string;
}

export interface RegisterRow {
  /** `rax`, or `base` in a row of parts. */
  readonly name: string;
  /** The field that holds it. */
  readonly node: StructureNode;
  readonly value: string;
  readonly words: string;
  readonly goal: RegisterGoal | null;
}

/** A line of a table: one register, or the parts of one (`cs`: selector, base, limit, flags). */
export interface RegisterLine {
  readonly title: string;
  readonly parts: readonly RegisterRow[];
}

export interface RegisterTable {
  readonly group: RegisterGroup;
  readonly title: string;
  readonly lines: readonly RegisterLine[];
}

const TITLES: Readonly<Record<RegisterGroup, string>> = {
  general: 'General',
  segments: 'Segments',
  tables: 'Descriptor tables',
  control: 'Control',
  'model-specific': 'Model-specific',
  debug: 'Debug',
  system: 'System',
};

/** The registers in groups, those of one name (`cs.base`, `cs.limit`) in one line. `cpu`: its number. */
export function registerTables(nodes: readonly StructureNode[], cpu: number): readonly RegisterTable[] {
  const lines = new Map<string, { readonly group: RegisterGroup; readonly parts: RegisterRow[] }>();
  for (const node of nodes) {
    const [title = '', part] = node.label.split('.', 2);
    const line = lines.get(title) ?? { group: registerGroup(node.label), parts: [] };
    line.parts.push(rowOf(node, part ?? title, cpu));
    lines.set(title, line);
  }
  return REGISTER_GROUPS.flatMap((group) => {
    const found = [...lines].filter(([, line]) => line.group === group).map(([title, { parts }]) => ({ title, parts }));
    return found.length === 0 ? [] : [{ group, title: TITLES[group], lines: found }];
  });
}

function rowOf(node: StructureNode, name: string, cpu: number): RegisterRow {
  const { label } = node;
  const text = node.value ?? '';
  const value = /^0x[\da-f]+$/.test(text) ? BigInt(text) : 0n;
  return { name, node, value: text, words: flagWords(label, value).join(' '), goal: goalOf(label, value, cpu) };
}

function goalOf(label: string, value: bigint, cpu: number): RegisterGoal | null {
  const address = registerAddress(label, value);
  if (address === null) return null;
  // By its name: the segment that it counts from, if any, is then added.
  return address.kind === 'virtual'
    ? { kind: 'gva', text: `${label} @ ${cpu}` }
    : { kind: 'gpa', text: `0x${address.address.toString(16)}` };
}
