import { createSubscriber } from 'svelte/reactivity';

/** The time of day to the second, for "12 min ago". Ticks only while something shows it. */
export class Clock {
  readonly #watch = createSubscriber((update) => {
    const timer = setInterval(update, 1000);
    return () => clearInterval(timer);
  });

  get now(): Date {
    this.#watch();
    return new Date();
  }
}
