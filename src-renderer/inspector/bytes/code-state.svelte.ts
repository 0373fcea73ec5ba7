/** The instructions at the cursor. Asked of the worker while the panel is open and the cursor stands still. */
import { failureOf, sentenceOf } from '@shared/contracts/failure';
import type { CodeMode, CodeQuery, Disassembly, InspectorCodeApi } from '@shared/contracts/inspector-code';
import { Latest } from './latest';

/** The cursor stands still for so long before it is asked. */
const STILL_MS = 80;

export class CodeState {
  readonly #latest: Latest<CodeQuery, Disassembly>;
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** How code is read; null: as the CPU's state says. */
  mode = $state<CodeMode | null>(null);
  /** null until the first answer. */
  found = $state.raw<Disassembly | null>(null);
  /** Why the last question was not answered, as a sentence. */
  failure = $state<string | null>(null);

  constructor(port: InspectorCodeApi) {
    this.#latest = new Latest((query) => port.disassemble(query));
  }

  follow(query: CodeQuery): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(query), STILL_MS);
  }

  async #ask(query: CodeQuery): Promise<void> {
    try {
      const found = await this.#latest.answer(query);
      if (found === null) return;
      this.found = found;
      this.failure = null;
    } catch (error) {
      this.failure = sentenceOf(failureOf(error, 'disassembling'));
    }
  }
}
