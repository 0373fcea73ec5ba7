import { SvelteSet } from 'svelte/reactivity';

const KEY = 'stillframe.disclosures';

/** Names of what was left open; whatever else is stored there is ignored. */
function stored(): string[] {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(value) ? value.filter((name) => typeof name === 'string').slice(0, 50) : [];
  } catch {
    return [];
  }
}

/** Which parts of forms are open: closed at first, then as they were left. */
class Disclosures {
  readonly #open = new SvelteSet<string>(stored());

  isOpen(name: string): boolean {
    return this.#open.has(name);
  }

  toggle(name: string): void {
    if (!this.#open.delete(name)) this.#open.add(name);
    localStorage.setItem(KEY, JSON.stringify([...this.#open]));
  }
}

export const disclosures = new Disclosures();
