import { expect, it } from 'vitest';
import { Latest } from './latest';

/** Questions that are answered by hand, in the order in which they were asked. */
function byHand(): { readonly latest: Latest<number, string>; readonly asked: number[]; next(error?: Error): void } {
  const asked: number[] = [];
  const open: ((error?: Error) => void)[] = [];
  const latest = new Latest<number, string>(
    (question) =>
      new Promise((resolve, reject) => {
        asked.push(question);
        open.push((error) => (error === undefined ? resolve(`answer to ${question}`) : reject(error)));
      }),
  );
  return { latest, asked, next: (error) => open.shift()?.(error) };
}

it('asks one question at a time, and drops those that a later one has overtaken', async () => {
  const { latest, asked, next } = byHand();
  const answers = [1, 2, 3, 4].map((question) => latest.answer(question));
  expect(asked).toEqual([1]);
  next();
  expect(await answers[0]).toBe('answer to 1');
  expect(await Promise.all(answers.slice(1, 3))).toEqual([null, null]);
  await Promise.resolve();
  expect(asked).toEqual([1, 4]);
  next();
  expect(await answers[3]).toBe('answer to 4');
});

it('asks no second question while a waiting one takes its turn', async () => {
  const { latest, asked, next } = byHand();
  const first = latest.answer(1);
  const second = latest.answer(2);
  next();
  await first;
  const third = latest.answer(3);
  await Promise.resolve();
  expect(asked).toEqual([1, 2]);
  next();
  await second;
  await Promise.resolve();
  next();
  expect(await third).toBe('answer to 3');
});

it('goes on after a question that failed', async () => {
  const { latest, next } = byHand();
  const first = latest.answer(1);
  const second = latest.answer(2);
  next(new Error('gone'));
  await expect(first).rejects.toThrow('gone');
  await Promise.resolve();
  next();
  expect(await second).toBe('answer to 2');
});
