/** Waiting, but not for ever. */

/** Resolves with the value, or with `otherwise` when it takes longer than `milliseconds` or fails. */
export async function within<T, U>(milliseconds: number, value: Promise<T>, otherwise: U): Promise<T | U> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<U>((resolve) => {
    timer = setTimeout(() => {
      resolve(otherwise);
    }, milliseconds);
  });
  try {
    return await Promise.race([value.catch(() => otherwise), limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves after `milliseconds`. */
export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

/** The value, unless the signal fires first: then rejects with the signal's reason and the value is no longer awaited. */
export async function unlessAborted<T>(signal: AbortSignal, value: Promise<T>): Promise<T> {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  value.catch(() => undefined);
  try {
    return await Promise.race([value, aborted]);
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort);
  }
}
