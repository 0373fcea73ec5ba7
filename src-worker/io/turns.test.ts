import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { giveWay, takingTurns } from './turns';

const work = (ms: number): void => {
  for (const end = performance.now() + ms; performance.now() < end;);
};
/** How long one call to take a turn lasts. */
async function turnOf(turn: () => Promise<void> | undefined): Promise<number> {
  const began = performance.now();
  await turn();
  return performance.now() - began;
}

describe('work that takes turns', () => {
  it('goes on without waiting while its turn is not over', async () => {
    await pause(60);
    expect(takingTurns()()).toBeUndefined();
  });

  it('lets others run when its turn is over', async () => {
    const turn = takingTurns();
    const order: string[] = [];
    setImmediate(() => order.push('others'));
    work(5);
    await turn();
    order.push('work');
    expect(order).toEqual(['others', 'work']);
  });

  it('lets others run after one slice, however many works there are', async () => {
    await pause(60);
    const order: string[] = [];
    const turns = ['one', 'two', 'three'].map((name) => ({ name, turn: takingTurns() }));
    work(4);
    const works = turns.map(async ({ name, turn }) => {
      await turn();
      order.push(name);
    });
    const others = (): void => {
      order.push('others');
      if (order.length < 6) setImmediate(others);
    };
    setImmediate(others);
    await Promise.all(works);
    expect(order.filter((name) => name !== 'others')).toEqual(['one', 'two', 'three']);
    expect(order.join(' ')).toMatch(/one others two others three/);
  });

  it('stands back after a question that a person waits for, and then goes on', async () => {
    const turn = takingTurns();
    await pause(1);
    giveWay();
    expect(await turnOf(turn)).toBeGreaterThan(40);
    expect(turn()).toBeUndefined();
  });

  it('is not stopped by questions without end', async () => {
    const turn = takingTurns();
    await pause(1);
    const asking = setInterval(giveWay, 2);
    try {
      giveWay();
      const waited = await turnOf(turn);
      expect(waited).toBeGreaterThan(140);
      expect(waited).toBeLessThan(1000);
    } finally {
      clearInterval(asking);
    }
  });
});
