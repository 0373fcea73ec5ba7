/**
 * What a save changed and has to put back.
 *
 * Every phase pushes a step right before it changes something. On success the steps about QEMU are run as soon as they
 * are due (`now`) and the ones that only a failure needs are dropped; on failure or cancel the rest is run, last first.
 */
import { failureOf, type Failure } from '@shared/contracts/failure';

export interface UndoStep {
  /** Puts it back now, at most once. */
  now(): Promise<void>;
  /** It is to stay as it is. */
  drop(): void;
}

export class UndoStack {
  #steps: { readonly doing: string; readonly undo: () => Promise<void> }[] = [];

  /** `doing` is a phrase: "removing the unfinished file". */
  push(doing: string, undo: () => Promise<void>): UndoStep {
    const step = { doing, undo };
    this.#steps.push(step);
    const take = (): boolean => {
      const known = this.#steps.includes(step);
      this.#steps = this.#steps.filter((other) => other !== step);
      return known;
    };
    return {
      now: async () => {
        if (take()) await undo();
      },
      drop: () => {
        take();
      },
    };
  }

  /** Runs every step that is left, last first. A step that fails does not stop the others; answers those failures. */
  async run(): Promise<readonly Failure[]> {
    const problems: Failure[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.undo();
      } catch (error) {
        problems.push(failureOf(error, step.doing));
      }
    }
    return problems;
  }
}
