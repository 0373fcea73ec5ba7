/** Which snapshots are shown, and in which order. */
import type { SnapshotEntry } from '@shared/contracts/library';

export type Filter = 'all' | 'not-durable' | 'imported' | 'broken';
export type Order = 'newest' | 'machine';

export const FILTERS: readonly { readonly value: Filter; readonly text: string }[] = [
  { value: 'all', text: 'All' },
  { value: 'not-durable', text: 'Not durable' },
  { value: 'imported', text: 'Imported' },
  { value: 'broken', text: 'Damaged, interrupted' },
];

export function passes({ state }: SnapshotEntry, filter: Filter): boolean {
  switch (filter) {
    case 'all':
      return true;
    case 'not-durable':
      return state.kind === 'good' && !state.durable;
    case 'imported':
      return state.kind === 'imported';
    case 'broken':
      return state.kind === 'damaged' || state.kind === 'interrupted';
  }
}

/** Every word is in the name, the note or the machine's name. */
export function found(entry: SnapshotEntry, query: string): boolean {
  const text = `${entry.name} ${entry.note} ${entry.machineName ?? ''}`.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** A machine's snapshots; `machine` is null for files of which no machine is known. */
export interface Group {
  readonly machine: string | null;
  readonly entries: readonly SnapshotEntry[];
}

const time = (entry: SnapshotEntry): number => (entry.savedAt === null ? 0 : Date.parse(entry.savedAt));

export const newestFirst = (entries: readonly SnapshotEntry[]): readonly SnapshotEntry[] =>
  entries.toSorted((a, b) => time(b) - time(a) || a.name.localeCompare(b.name));

/** One group without a head for `newest`; else one per machine, the one saved last first, files without a machine at the end. */
export function arrange(entries: readonly SnapshotEntry[], order: Order): readonly Group[] {
  const sorted = newestFirst(entries);
  if (order === 'newest') return sorted.length === 0 ? [] : [{ machine: null, entries: sorted }];
  const groups = new Map<string | null, SnapshotEntry[]>();
  for (const entry of sorted) {
    const members = groups.get(entry.machineName);
    if (members === undefined) groups.set(entry.machineName, [entry]);
    else members.push(entry);
  }
  return [...groups]
    .map(([machine, members]) => ({ machine, entries: members }))
    .toSorted((a, b) => Number(a.machine === null) - Number(b.machine === null));
}
