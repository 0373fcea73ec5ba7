import { describe, expect, test } from 'vitest';
import { arrange, found, passes, type Filter } from './arrange';
import { exampleEntry } from './entry.fixture';

const entries = [
  exampleEntry({ name: 'old', savedAt: '2026-11-01T00:00:00Z', machineName: 'a' }),
  exampleEntry({ name: 'loose', savedAt: null, machineName: null, state: { kind: 'imported' } }),
  exampleEntry({ name: 'new', savedAt: '2026-11-20T00:00:00Z', machineName: 'b' }),
  exampleEntry({ name: 'older', savedAt: '2026-10-01T00:00:00Z', machineName: 'b' }),
];

test('newest first, what has no date last', () => {
  const [group, ...more] = arrange(entries, 'newest');
  expect(group?.entries.map(({ name }) => name)).toEqual(['new', 'old', 'older', 'loose']);
  expect(more).toEqual([]);
});

test('by machine, the one saved last first, and files without a machine at the end', () => {
  expect(arrange(entries, 'machine').map(({ machine, entries: of }) => [machine, of.length])).toEqual([
    ['b', 2],
    ['a', 1],
    [null, 1],
  ]);
});

test('nothing gives no group', () => expect(arrange([], 'newest')).toEqual([]));

describe('filters', () => {
  const states = [
    { kind: 'good', durable: true },
    { kind: 'good', durable: false },
    { kind: 'imported' },
    { kind: 'interrupted', why: '' },
    { kind: 'damaged', why: '' },
  ] as const;
  test.each<[Filter, boolean[]]>([
    ['all', [true, true, true, true, true]],
    ['not-durable', [false, true, false, false, false]],
    ['imported', [false, false, true, false, false]],
    ['broken', [false, false, false, true, true]],
  ])('%s', (filter, answers) => {
    expect(states.map((state) => passes(exampleEntry({ state }), filter))).toEqual(answers);
  });

  test.each([
    ['', true],
    ['KERNEL 6.12', true],
    ['deb13 upgrade', true],
    ['deb13 windows', false],
  ])('“%s”: %s', (query, answer) => expect(found(exampleEntry(), query)).toBe(answer));
});
