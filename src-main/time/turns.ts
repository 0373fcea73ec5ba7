/** Work that must not overlap: everything under one key runs one after the other, in the order it came. */
export class Turns {
  private readonly last = new Map<string, Promise<unknown>>();

  take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.last.get(key) ?? Promise.resolve();
    const mine = before.catch(() => undefined).then(work);
    this.last.set(key, mine);
    const clear = (): void => {
      if (this.last.get(key) === mine) this.last.delete(key);
    };
    mine.then(clear, clear);
    return mine;
  }
}
