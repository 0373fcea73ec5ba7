/** Whether two files look like saves of one VM. */
import { hex } from '../bytes/units';
import type { InspectReport } from '../contracts/inspect';

type Report = Pick<InspectReport, 'machine' | 'ramBlocks'>;

/** Most names that a sentence lists. */
const MOST_NAMES = 4;

/** What speaks against it, as sentences; what the two have in common is compared all the same. */
export function unlikeness(a: Report, b: Report): readonly string[] {
  const said: string[] = [];
  if (a.machine !== b.machine) {
    said.push(`The machine types differ: ${a.machine ?? 'none'} in A, ${b.machine ?? 'none'} in B.`);
  }
  for (const [where, own, other] of [
    ['A', a, b],
    ['B', b, a],
  ] as const) {
    const others = lengths(other);
    const missing = own.ramBlocks.filter(({ name }) => !others.has(name)).map(({ name }) => name);
    if (missing.length > 0) said.push(`Only ${where} has ${few(missing)}.`);
  }
  const inB = lengths(b);
  for (const { name, usedLength } of a.ramBlocks) {
    const length = inB.get(name);
    if (length === undefined || length === usedLength) continue;
    said.push(`${name} has ${hex(usedLength)} bytes in A and ${hex(length)} in B.`);
  }
  return said;
}

const lengths = ({ ramBlocks }: Report): ReadonlyMap<string, number> =>
  new Map(ramBlocks.map(({ name, usedLength }) => [name, usedLength]));

function few(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  if (more <= 0) return names.join(', ');
  return `${names.slice(0, MOST_NAMES).join(', ')} and ${more} more ${more === 1 ? 'block' : 'blocks'}`;
}
