/** Questions of which only the latest matters: one is out at a time, one may wait, and those in between are dropped. */
export class Latest<Question, Answer> {
  #out = false;
  #next: ((mine: boolean) => void) | null = null;

  constructor(readonly ask: (question: Question) => Promise<Answer>) {}

  /** The answer; null when a later question took this one's place before it was asked. */
  async answer(question: Question): Promise<Answer | null> {
    if (this.#out && !(await this.#turn())) return null;
    this.#out = true;
    try {
      return await this.ask(question);
    } finally {
      const next = this.#next;
      this.#next = null;
      this.#out = next !== null;
      next?.(true);
    }
  }

  #turn(): Promise<boolean> {
    this.#next?.(false);
    return new Promise((resolve) => (this.#next = resolve));
  }
}
