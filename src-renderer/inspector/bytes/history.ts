/** Where the cursor was, for going back and forward. Values, so that a step is a new value. */
const KEPT = 200;

export interface History {
  readonly past: readonly number[];
  readonly future: readonly number[];
}

export const emptyHistory: History = { past: [], future: [] };

/** Notes that a jump leaves `from`; what lay ahead is forgotten. Leaving one place twice is one step. */
export function left(history: History, from: number): History {
  const past = history.past.at(-1) === from ? history.past : [...history.past, from].slice(-KEPT);
  return { past, future: [] };
}

/** The step back from `here`, or null when there is none. */
export function back(history: History, here: number): { readonly to: number; readonly history: History } | null {
  const to = history.past.at(-1);
  if (to === undefined) return null;
  return { to, history: { past: history.past.slice(0, -1), future: [here, ...history.future].slice(0, KEPT) } };
}

export function forward(history: History, here: number): { readonly to: number; readonly history: History } | null {
  const [to, ...future] = history.future;
  if (to === undefined) return null;
  return { to, history: { past: [...history.past, here].slice(-KEPT), future } };
}
