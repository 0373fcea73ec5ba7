/** Long work of a worker that also answers a person's questions: it takes turns with them, and they come first. */
import { setTimeout as pause } from 'node:timers/promises';

/** How long work goes on before others have their turn. */
const SLICE_MS = 3;
/** After a question that a person waits for, more of them come, and then the page draws the answers: on two cores work is in its way. */
const STAND_BACK_MS = 50;
/** Work never stands back longer at a time: while a bar is dragged, questions come without end. */
const MOST_BACK_MS = 150;

/** When a person last asked something of this process. */
let asked = Number.NEGATIVE_INFINITY;

/** A person waits for what is done now: work that takes turns stands back for a while. */
export function giveWay(): void {
  asked = performance.now();
}

/** Works whose turn is over, in the order in which they go on: one at a time, so that others wait for one slice and no more. */
const waiting: (() => void)[] = [];

function next(): void {
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(next);
}

function othersTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 1) setImmediate(next);
  });
}

/** Awaited often by long work; undefined while its turn goes on. */
export type Turn = () => Promise<void> | undefined;

/** For work that asks the system without waiting: called often, it gives others a turn now and then. */
export function takingTurns(): Turn {
  let since = performance.now();

  async function wait(): Promise<void> {
    const began = performance.now();
    for (;;) {
      await othersTurn();
      since = performance.now();
      const left = asked + STAND_BACK_MS - since;
      if (left <= 0 || since - began >= MOST_BACK_MS) return;
      await pause(Math.ceil(left));
    }
  }
  return () => (performance.now() - since < SLICE_MS && asked <= since ? undefined : wait());
}
