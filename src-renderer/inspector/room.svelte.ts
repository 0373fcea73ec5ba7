/** The inspector's room: which file is open, and opening another. */
import { failureOf, type Failure } from '@shared/contracts/failure';
import { OpenFile, type InspectorConnection } from './open-file.svelte';

export type InspectorTarget = { readonly path: string } | { readonly snapshot: string };

/** Has main lend the file of session `other` to the worker of `session`. */
type Introduce = (session: string, other: string) => Promise<void>;

export class InspectorRoom {
  readonly #connect: (target: InspectorTarget) => Promise<InspectorConnection>;
  readonly #introduce: Introduce;
  #turn = 0;
  #target: InspectorTarget | null = null;

  file = $state.raw<OpenFile | null>(null);
  /** Why the last file could not be opened. */
  failure = $state.raw<Failure | null>(null);
  opening = $state(false);

  constructor(connect: (target: InspectorTarget) => Promise<InspectorConnection>, introduce: Introduce) {
    this.#connect = connect;
    this.#introduce = introduce;
  }

  /** Opens a file in place of the one that is open; of several wishes the last counts. */
  async open(target: InspectorTarget): Promise<void> {
    const turn = (this.#turn += 1);
    this.opening = true;
    this.failure = null;
    try {
      const file = await OpenFile.open(await this.#connect(target));
      if (turn !== this.#turn) {
        await file.close();
        return;
      }
      this.#target = target;
      await this.#replace(file);
    } catch (error) {
      if (turn === this.#turn) this.failure = failureOf(error, 'opening the file');
    } finally {
      if (turn === this.#turn) this.opening = false;
    }
  }

  /** Opens another file and compares the open one with it; of several wishes the last counts. True when it was begun. */
  async compare(target: InspectorTarget): Promise<boolean> {
    const { file } = this;
    if (file === null) return false;
    const turn = (this.#turn += 1);
    this.opening = true;
    this.failure = null;
    try {
      const other = await OpenFile.open(await this.#connect(target));
      try {
        await this.#introduce(file.session.id, other.session.id);
        if (turn !== this.#turn) throw new Error('another file was opened');
        await file.compareWith(other);
        return true;
      } catch (error) {
        await other.close();
        throw error;
      }
    } catch (error) {
      if (turn === this.#turn) this.failure = failureOf(error, 'opening the file to compare with');
      return false;
    } finally {
      if (turn === this.#turn) this.opening = false;
    }
  }

  /** Opens the file that is open, or was, anew. */
  async openAgain(): Promise<void> {
    if (this.#target !== null) await this.open(this.#target);
  }

  async close(): Promise<void> {
    this.#turn += 1;
    await this.#replace(null);
  }

  async #replace(file: OpenFile | null): Promise<void> {
    const before = this.file;
    this.file = file;
    // The old worker may be gone already; there is nothing left to tell the person then.
    await before?.close().catch(() => undefined);
  }
}
