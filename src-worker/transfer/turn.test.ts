import { describe, expect, it } from 'vitest';
import { freeTurn, STEP_MS, Stepper, type Turn } from './turn';

const busy = (milliseconds: number): void => {
  for (const until = performance.now() + milliseconds; performance.now() < until;);
};

async function work(turn: Turn, milliseconds: number): Promise<void> {
  for (const until = performance.now() + milliseconds; performance.now() < until;) {
    busy(1);
    if (turn.due) await turn.pass();
  }
}

describe('work in steps', () => {
  it('goes on only while a step is under way, and says when it is done', async () => {
    let worked = 0;
    const stepper = new Stepper(async (turn) => {
      for (; worked < 300; worked++) {
        busy(1);
        if (turn.due) await turn.pass();
      }
    });
    let steps = 0;
    for (let done = false; !done; steps++) {
      done = await stepper.step();
      const between = worked;
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(worked).toBe(between);
    }
    expect(worked).toBe(300);
    expect(steps).toBeGreaterThan(1);
  });

  it('rejects the step in which it fails', async () => {
    const stepper = new Stepper(async (turn) => {
      await work(turn, STEP_MS * 1.5);
      throw new Error('it failed');
    });
    expect(await stepper.step()).toBe(false);
    await expect(stepper.step()).rejects.toThrow('it failed');
  });

  it.each([
    ['before it began', 0],
    ['in the middle', 1],
  ])('ends when it is given up %s, having let go of what it held', async (_, steps) => {
    let [began, letGo] = [false, false];
    const stepper = new Stepper(async (turn) => {
      began = true;
      try {
        await work(turn, 60_000);
      } finally {
        letGo = true;
      }
    });
    for (let step = 0; step < steps; step++) await stepper.step();
    await stepper.end();
    expect(letGo).toBe(began);
  });

  it('that nobody steps lets timers run', async () => {
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 10);
    await work(freeTurn(), STEP_MS * 3.5);
    clearInterval(timer);
    expect(ticks).toBeGreaterThanOrEqual(2);
  });
});
