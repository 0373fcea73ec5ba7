import { expect, it } from 'vitest';
import type { SnapshotEntry, SnapshotId } from '@shared/contracts/library';
import { exampleEntry } from '../../library/entry.fixture';
import { choicesFor } from './choices';

const entry = (
  name: string,
  machineName: string | null,
  savedAt: string,
  memoryFile: string | null = `/l/${name}`,
): SnapshotEntry => exampleEntry({ id: name as SnapshotId, name, machineName, savedAt, memoryFile });

const library = [
  entry('old', 'vm', '2026-01-01T00:00:00Z'),
  entry('other', 'elsewhere', '2026-06-01T00:00:00Z'),
  entry('open', 'vm', '2026-03-01T00:00:00Z'),
  entry('new', 'vm', '2026-05-01T00:00:00Z'),
  entry('empty', 'vm', '2026-05-02T00:00:00Z', null),
  entry('bare', null, '2026-07-01T00:00:00Z'),
];
const names = (entries: readonly SnapshotEntry[]): string[] => entries.map(({ name }) => name);

it.each([
  ['the library', { path: '/l/open', snapshot: 'open' }],
  ['a path', { path: '/l/open', snapshot: null }],
])('a snapshot opened from %s has those of its VM first, the newest first, and not itself', (_, open) => {
  const { same, others } = choicesFor(library, open);
  expect([names(same), names(others)]).toEqual([
    ['new', 'old'],
    ['bare', 'other'],
  ]);
});

it('a file that is in no library has all of them', () => {
  const { same, others } = choicesFor(library, { path: '/elsewhere', snapshot: null });
  expect([names(same), others.length]).toEqual([[], 5]);
});
