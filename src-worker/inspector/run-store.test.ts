import { expect, it } from 'vitest';
import { RunStore } from './run-store';

it('runs join where they touch and differ alike, and are found by number and by page', () => {
  const store = new RunStore();
  for (let index = 0; index < 1000; index += 1) {
    expect(store.add(index * 10, 2, 'changed', true)).toBe(true);
    expect(store.add(index * 10 + 2, 1, 'changed', false)).toBe(true);
    expect(store.add(index * 10 + 3, 1, 'added', index % 2 === 0)).toBe(index % 2 === 0);
  }
  expect(store.length).toBe(1500);
  expect([store.at(0), store.at(1), store.at(2), store.at(1500), store.at(-1)]).toEqual([
    { page: 0, count: 3, change: 'changed' },
    { page: 3, count: 1, change: 'added' },
    { page: 10, count: 3, change: 'changed' },
    null,
    null,
  ]);
  expect([store.near(12, 1), store.near(13, 1), store.near(13, -1)].map((run) => run?.page)).toEqual([10, 20, 10]);
  expect([
    store.near(5000, 1)?.page,
    store.near(4999, -1)?.page,
    store.near(9999, 1),
    store.near(9999, -1)?.page,
  ]).toEqual([5000, 4990, null, 9990]);
  expect(new RunStore().near(0, -1)).toBe(null);
});
