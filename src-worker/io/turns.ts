/** How long work goes on before others have their turn. */
const SLICE_MS = 8;

/** For work that asks the system without waiting: called often, it gives others a turn now and then. */
export function takingTurns(): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < SLICE_MS) return undefined;
    return new Promise((resolve) =>
      setImmediate(() => {
        since = performance.now();
        resolve();
      }),
    );
  };
}
