/** Ctrl-C and its relatives, while something is under way that must be put back in order. */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Interrupt {
  readonly asked: boolean;
  /** Called once, at the first signal; at once when that came already. Later signals change nothing. */
  onAsked(listener: () => void): void;
}

/** Runs `work` with the signals caught: they ask, they do not kill. Afterwards they do again what they did before. */
export async function withInterrupt<T>(work: (interrupt: Interrupt) => Promise<T>): Promise<T> {
  let asked = false;
  const listeners: (() => void)[] = [];
  const ask = (): void => {
    if (asked) return;
    asked = true;
    for (const listener of listeners) listener();
  };
  for (const signal of SIGNALS) process.on(signal, ask);
  try {
    return await work({
      get asked() {
        return asked;
      },
      onAsked: (listener) => (asked ? listener() : void listeners.push(listener)),
    });
  } finally {
    for (const signal of SIGNALS) process.off(signal, ask);
  }
}
