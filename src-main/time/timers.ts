import type { Clock } from '@shared/multifd/coordination';

/** Node's clock and timers, for the coordinator. */
export const timers: Clock = {
  now: () => performance.now(),
  after: (milliseconds, call) => {
    const timer = setTimeout(call, milliseconds);
    return () => clearTimeout(timer);
  },
};
