/** The inspector's room: which file is open, and opening another. */
import { failureOf, type Failure } from '@shared/contracts/failure';
import { OpenFile, type InspectorConnection } from './open-file.svelte';

export type InspectorTarget = { readonly path: string } | { readonly snapshot: string };

export class InspectorRoom {
  readonly #connect: (target: InspectorTarget) => Promise<InspectorConnection>;
  #turn = 0;
  #target: InspectorTarget | null = null;

  file = $state.raw<OpenFile | null>(null);
  /** Why the last file could not be opened. */
  failure = $state.raw<Failure | null>(null);
  opening = $state(false);

  constructor(connect: (target: InspectorTarget) => Promise<InspectorConnection>) {
    this.#connect = connect;
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
