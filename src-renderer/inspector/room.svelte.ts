/** The inspector's room: which files are open, which of them is shown, and opening others. */
import { failureOf, type Failure } from '@shared/contracts/failure';
import { OpenFile, type InspectorConnection } from './open-file.svelte';

export type InspectorTarget = { readonly path: string } | { readonly snapshot: string };

/** Has main lend the file of session `other` to the worker of `session`. */
type Introduce = (session: string, other: string) => Promise<void>;

export class InspectorRoom {
  readonly #connect: (target: InspectorTarget) => Promise<InspectorConnection>;
  readonly #introduce: Introduce;
  #turn = 0;
  /** What each file was opened as. */
  readonly #targets = new WeakMap<OpenFile, InspectorTarget>();

  /** In the order in which they were opened. */
  files = $state.raw<readonly OpenFile[]>([]);
  /** The one that is shown. */
  file = $state.raw<OpenFile | null>(null);
  /** Counts up when the bytes of a place are to be shown, whatever view is. */
  wishes = $state(0);
  /** Why the last file could not be opened. */
  failure = $state.raw<Failure | null>(null);
  opening = $state(false);

  constructor(connect: (target: InspectorTarget) => Promise<InspectorConnection>, introduce: Introduce) {
    this.#connect = connect;
    this.#introduce = introduce;
  }

  /**
   * Opens a file and shows it; of several wishes the last counts. A snapshot that is open already is shown as it is; a file is
   * opened anew, since it may have changed.
   */
  async open(target: InspectorTarget): Promise<void> {
    const known = this.#openAs(target);
    if (known !== null && 'snapshot' in target && !known.ended) {
      this.#turn += 1;
      this.show(known);
      return;
    }
    await this.#openIn(target, known);
  }

  /** `before`: the file whose place in the list the new one takes. */
  async #openIn(target: InspectorTarget, before: OpenFile | null): Promise<void> {
    const turn = (this.#turn += 1);
    this.opening = true;
    this.failure = null;
    try {
      const file = await OpenFile.open(await this.#connect(target));
      if (turn !== this.#turn) {
        await file.close();
        return;
      }
      this.#targets.set(file, target);
      const kept = before !== null && this.files.includes(before);
      this.files = kept ? this.files.map((one) => (one === before ? file : one)) : [...this.files, file];
      this.file = file;
      if (before !== null) await letGo(before);
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
    const { file } = this;
    const target = file === null ? undefined : this.#targets.get(file);
    if (target !== undefined) await this.#openIn(target, file);
  }

  show(file: OpenFile): void {
    this.failure = null;
    this.file = file;
  }

  /** Shows a place of the file that is shown, in its bytes. */
  goTo(offset: number, length: number): void {
    this.wishes += 1;
    void this.file?.hex.goTo(offset, length);
  }

  /** Closes one file; the one beside it is shown when it was. */
  async closeFile(file: OpenFile): Promise<void> {
    const at = this.files.indexOf(file);
    if (at < 0) return;
    this.files = this.files.filter((one) => one !== file);
    if (this.file === file) this.file = this.files[Math.min(at, this.files.length - 1)] ?? null;
    await letGo(file);
  }

  async closeAll(): Promise<void> {
    this.#turn += 1;
    const { files } = this;
    this.files = [];
    this.file = null;
    await Promise.all(files.map(letGo));
  }

  #openAs(target: InspectorTarget): OpenFile | null {
    const found = this.files.find(({ session }) =>
      'path' in target ? session.path === target.path : session.snapshot === target.snapshot,
    );
    return found ?? null;
  }
}

/** A worker may be gone already; there is nothing left to tell the person then. */
const letGo = (file: OpenFile): Promise<void> => file.close().catch(() => undefined);
