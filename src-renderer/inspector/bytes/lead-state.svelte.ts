/** Where the addresses beside the rows in view lead: asked in one batch when the view stands still, and kept. */
import { MAX_LEADS, type InspectorLeadsApi, type Lead } from '@shared/contracts/inspector-leads';
import { Latest } from './latest';

/** The view stands still for so long before it is asked. */
const STILL_MS = 80;
/** Addresses kept; past that all are forgotten. Each takes about 200 bytes. */
const MOST_KEPT = 4096;

export class LeadState {
  readonly #asking: Latest<{ addresses: readonly string[]; cpu: number }, readonly (Lead | null)[]>;
  readonly #known = new Map<string, Lead | null>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #cpu = 0;
  /** Counts up with every answer, so that what reads it is drawn again. */
  #answers = $state(0);

  constructor(port: InspectorLeadsApi) {
    this.#asking = new Latest(({ addresses, cpu }) => port.leadsOf(addresses, cpu));
  }

  /** null: nowhere; undefined: not known yet. */
  of(address: string): Lead | null | undefined {
    return this.#answers < 0 ? undefined : this.#known.get(address);
  }

  /** The view changed: `inView` tells its addresses once it stands still. They lead by the page tables of this CPU. */
  want(inView: () => readonly string[], cpu: number): void {
    if (cpu !== this.#cpu) this.#known.clear();
    this.#cpu = cpu;
    this.stop();
    this.#timer = setTimeout(() => {
      const unknown = [...new Set(inView())].filter((address) => !this.#known.has(address)).slice(0, MAX_LEADS);
      if (unknown.length > 0) void this.#ask(unknown, cpu);
    }, STILL_MS);
  }

  /** Asks nothing any more. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #ask(addresses: readonly string[], cpu: number): Promise<void> {
    // A note that cannot be completed stays the bare address it was.
    const leads = await this.#asking.answer({ addresses, cpu }).catch(() => null);
    if (leads === null || cpu !== this.#cpu) return;
    if (this.#known.size > MOST_KEPT) this.#known.clear();
    addresses.forEach((address, index) => this.#known.set(address, leads[index] ?? null));
    this.#answers += 1;
  }
}
