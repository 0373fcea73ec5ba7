export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly action: { readonly text: string; readonly run: () => void } | null;
}

const SHOWN_MS = 6000;

/** Finished background work, and nothing else: errors stand where the work was. */
export class Toasts {
  list = $state.raw<readonly Toast[]>([]);
  #next = 1;

  add(text: string, action: Toast['action'] = null): void {
    const toast = { id: this.#next++, text, action };
    this.list = [...this.list, toast];
    setTimeout(() => this.remove(toast.id), SHOWN_MS);
  }

  remove(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}
