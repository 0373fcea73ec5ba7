import { expect, it } from 'vitest';
import { onceAtATime } from './notices';

it('tells the last state of a burst, in two runs', async () => {
  let state = 0;
  const told: number[] = [];
  const change = onceAtATime(async () => {
    const seen = state;
    await new Promise((resolve) => setTimeout(resolve, 5));
    told.push(seen);
  });
  for (state = 1; state < 100; state += 1) change();
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(told).toEqual([1, 100]);
  change();
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(told).toEqual([1, 100, 100]);
});

it('goes on after a run that failed', async () => {
  let runs = 0;
  const change = onceAtATime(() => {
    runs += 1;
    return runs === 1 ? Promise.reject(new Error('first')) : Promise.resolve();
  });
  change();
  await new Promise((resolve) => setTimeout(resolve, 5));
  change();
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(runs).toBe(2);
});
