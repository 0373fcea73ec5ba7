import { MediaQuery, SvelteMap } from 'svelte/reactivity';

const KEY = 'stillframe.panels';

/** Widths as they were left; whatever else is stored there is ignored. */
function stored(): [string, number][] {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    if (typeof value !== 'object' || value === null) return [];
    return Object.entries(value).filter(
      (entry): entry is [string, number] => Number.isInteger(entry[1]) && entry[1] >= 200 && entry[1] <= 1000,
    );
  } catch {
    return [];
  }
}

/** Side panels: how wide each was made, and whether the drawer of a narrow window is open. */
class Panels {
  drawerOpen = $state(false);
  readonly #narrow = new MediaQuery('max-width: 1179px');
  readonly #widths = new SvelteMap<string, number>(stored());

  /** The window is so narrow that the panel is a drawer. */
  get narrow(): boolean {
    return this.#narrow.current;
  }

  /** The panel is a drawer, and it is shut. */
  get hidden(): boolean {
    return this.#narrow.current && !this.drawerOpen;
  }

  width(name: string, first: number): number {
    return this.#widths.get(name) ?? first;
  }

  setWidth(name: string, width: number): void {
    this.#widths.set(name, width);
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(this.#widths)));
  }

  toggleDrawer(): void {
    this.drawerOpen = !this.drawerOpen;
  }
}

export const panels = new Panels();
