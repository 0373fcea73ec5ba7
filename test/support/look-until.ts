import { setTimeout as sleep } from 'node:timers/promises';

/** Looks again and again until what is seen is good, and returns it; throws what was seen last after `limitMs`. */
export async function lookUntil<T>(
  look: () => T | Promise<T>,
  good: (seen: T) => boolean,
  limitMs = 15_000,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (good(seen)) return seen;
    if (performance.now() > deadline) throw new Error(`after ${limitMs} ms it is still ${JSON.stringify(seen)}`);
    await sleep(25);
  }
}
