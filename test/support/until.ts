import { setTimeout as sleep } from 'node:timers/promises';

/** Asks every 20 ms until it holds; throws with `what` when it does not within `limitMs`. */
export async function until(what: string, holds: () => Promise<boolean>, limitMs = 15_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await sleep(20);
  }
}
