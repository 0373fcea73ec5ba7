/** The theme that is shown, for what is drawn on a canvas and so does not follow the style sheet by itself. */
import { createSubscriber } from 'svelte/reactivity';

class ShownTheme {
  readonly #subscribe = createSubscriber((update) => {
    const watcher = new MutationObserver(update);
    watcher.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
    return () => watcher.disconnect();
  });

  /** `dark` or `light`. */
  get name(): string {
    this.#subscribe();
    return document.documentElement.dataset['theme'] ?? '';
  }
}

export const shownTheme = new ShownTheme();
