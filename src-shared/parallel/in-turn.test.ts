import { describe, expect, it } from 'vitest';
import { inTurn } from './in-turn';

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

describe('units in turn', () => {
  it('come in order, whoever is quicker, and nobody has more than two waiting', async () => {
    const busy = { a: 0, b: 0 };
    const done = { a: 0, b: 0 };
    const order: number[] = [];
    const call = async (worker: 'a' | 'b', unit: number): Promise<number> => {
      expect(++busy[worker]).toBeLessThanOrEqual(2);
      await pause(worker === 'a' ? 1 : 4);
      busy[worker]--;
      done[worker]++;
      return unit * 10;
    };
    for await (const { unit, answer } of inTurn(['a', 'b'] as const, 40, call)) {
      expect(answer).toBe(unit * 10);
      order.push(unit);
    }
    expect(order).toEqual(Array.from({ length: 40 }, (_, unit) => unit));
    expect(done.a).toBeGreaterThan(done.b);
    expect(done.b).toBeGreaterThan(0);
  });

  it('are not begun far ahead of the one that is waited for', async () => {
    let most = 0;
    let release: () => void = () => undefined;
    const first = new Promise<void>((done) => (release = done));
    const call = async (_: number, unit: number): Promise<void> => {
      most = Math.max(most, unit);
      if (unit === 0) await first;
    };
    const turns = inTurn([1, 2], 1000, call);
    const next = turns.next();
    await pause(30);
    expect(most).toBeLessThan(20);
    release();
    await next;
    await turns.return(undefined);
  });

  it('end with the failure of the first in order, when everything pending has ended', async () => {
    let pending = 0;
    const call = async (_: number, unit: number): Promise<void> => {
      pending++;
      await pause(unit === 5 ? 1 : 5);
      pending--;
      if (unit >= 5) throw new Error(`unit ${unit}`);
    };
    const seen: number[] = [];
    const run = async (): Promise<void> => {
      for await (const { unit } of inTurn([1, 2], 100, call)) seen.push(unit);
    };
    await expect(run()).rejects.toThrow('unit 5');
    expect(seen).toEqual([0, 1, 2, 3, 4]);
    expect(pending).toBe(0);
  });

  it('are begun no more once cancelled, or left', async () => {
    for (const leave of [true, false]) {
      let [begun, cancelled] = [0, false];
      const call = async (): Promise<void> => {
        begun++;
        await pause(1);
      };
      for await (const { unit } of inTurn([1], 100, call, () => cancelled)) {
        if (unit < 3) continue;
        if (leave) break;
        cancelled = true;
      }
      const then = begun;
      await pause(20);
      expect(begun).toBe(then);
      expect(begun).toBeLessThan(20);
    }
  });
});
