/** Fields of devices in the structure tree: asked of the worker when a node is opened, a text is typed, or the cursor moves. */
import type { StructureNode } from '@shared/contracts/inspect';
import type { Children, FoundFields, InspectorPort } from '@shared/contracts/inspector-port';

type FieldPort = Pick<InspectorPort, 'children' | 'fieldsAt' | 'findFields'>;

export class FieldNodes {
  readonly #port: FieldPort;
  readonly #fail: (error: unknown) => void;
  readonly #asked = new Set<string>();
  #followed = 0;
  #search = 0;

  /** Children that have come so far, by the id of their parent. */
  loaded = $state.raw<ReadonlyMap<string, Children>>(new Map());
  /** The fields around the cursor, the outermost first. */
  around = $state.raw<readonly StructureNode[]>([]);
  /** What the last text was found in; null while there is no text, or no answer yet. */
  found = $state.raw<FoundFields | null>(null);

  constructor(port: FieldPort, fail: (error: unknown) => void) {
    this.#port = port;
    this.#fail = fail;
  }

  /** Asks for the first children of a lazy node, once. */
  load(id: string): Promise<void> {
    return this.loaded.has(id) ? Promise.resolve() : this.#ask(id, 0);
  }

  /** Asks for the children behind those that have come. */
  loadMore(id: string): Promise<void> {
    return this.#ask(id, this.loaded.get(id)?.nodes.length ?? 0);
  }

  async #ask(id: string, from: number): Promise<void> {
    if (this.#asked.has(id)) return;
    this.#asked.add(id);
    try {
      const { nodes, total } = await this.#port.children(id, from);
      const before = this.loaded.get(id)?.nodes.slice(0, from) ?? [];
      this.loaded = new Map(this.loaded).set(id, { nodes: [...before, ...nodes], total });
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#asked.delete(id);
    }
  }

  /** Finds out which fields are around an offset, when `wanted`; the last call wins. */
  async follow(offset: number, wanted: boolean): Promise<void> {
    const turn = (this.#followed += 1);
    if (!wanted) {
      this.around = [];
      return;
    }
    try {
      const around = await this.#port.fieldsAt(offset);
      if (turn === this.#followed) this.around = around;
    } catch (error) {
      if (turn === this.#followed) this.#fail(error);
    }
  }

  /** Looks for a text in all fields; the last call wins. */
  async find(text: string): Promise<void> {
    const turn = (this.#search += 1);
    if (text.trim() === '') {
      this.found = null;
      return;
    }
    try {
      const found = await this.#port.findFields(text);
      if (turn === this.#search) this.found = found;
    } catch (error) {
      if (turn === this.#search) this.#fail(error);
    }
  }
}
