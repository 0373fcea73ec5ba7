/** How a copy by channels ends when it does not end well. `doing` is a phrase: "copying guest memory". */
import { fail, failureOf, StillframeError } from '../contracts/failure';

export const cancelled = (doing: string): StillframeError => fail('save.cancelled', doing, 'it was cancelled', '');

/** Every worker has died, and no other could be started. */
export const nobodyLeft = (doing: string): StillframeError =>
  fail('worker.died', doing, 'the workers of all channels have died', 'Try again.');

export const tooManyDeaths = (doing: string, deaths: number): StillframeError =>
  fail(
    'worker.died',
    doing,
    `${deaths} workers have died one after another`,
    'Look for what ends them (memory, kernel log), then try again.',
  );

/** Any thrown thing in the one error shape. */
export const asError = (error: unknown, doing: string): StillframeError =>
  error instanceof StillframeError ? error : new StillframeError(failureOf(error, doing), { cause: error });
