import { createContext, onDestroy } from 'svelte';
import { focusTakes, isSingleKey, matches, type KeyBinding } from './keys';
import type { Navigation, Room } from './navigation.svelte';

export interface KeyLayer {
  /** Where it counts; null everywhere. */
  readonly room: Room | null;
  readonly title: string;
  readonly bindings: () => readonly KeyBinding[];
}

/** Every binding of the window. Layers added later are asked first. */
export class Keyboard {
  /** What counts. Not reactive: a component that leaves would read the list as it was before its successor came. */
  readonly #registered = new Set<KeyLayer>();
  #layers = $state.raw<readonly KeyLayer[]>([]);
  readonly #navigation: Navigation;
  readonly #singleKeys: () => boolean;

  constructor(navigation: Navigation, singleKeys: () => boolean) {
    this.#navigation = navigation;
    this.#singleKeys = singleKeys;
  }

  /** The layers that count now, the newest first. */
  get active(): readonly KeyLayer[] {
    return this.#layers.filter(({ room }) => room === null || room === this.#navigation.room);
  }

  /** What the footer shows; of two layers that bind one key only the newer one counts. */
  get hints(): readonly KeyBinding[] {
    const bindings = new Map<string, KeyBinding>();
    for (const binding of this.active.flatMap((layer) => layer.bindings()))
      if (!bindings.has(binding.keys)) bindings.set(binding.keys, binding);
    return [...bindings.values()].filter(({ keys, hint }) => hint && this.#enabled(keys));
  }

  add(layer: KeyLayer): () => void {
    this.#registered.add(layer);
    this.#publish();
    return () => {
      this.#registered.delete(layer);
      this.#publish();
    };
  }

  /** The window's keydown. Says nothing while a dialog is open: that has keys of its own. */
  handle(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing || document.querySelector('dialog[open]') !== null) return;
    for (const layer of this.active) {
      const binding = layer.bindings().find(({ keys }) => this.#enabled(keys) && matches(keys, event));
      if (binding === undefined || focusTakes(document.activeElement, binding.keys)) continue;
      event.preventDefault();
      binding.run(event);
      return;
    }
  }

  #publish(): void {
    this.#layers = [...this.#registered].reverse();
  }

  #enabled(keys: string): boolean {
    return this.#singleKeys() || !isSingleKey(keys);
  }
}

export const [useKeyboard, provideKeyboard] = createContext<Keyboard>();
/** The room that a component stands in; set by App around each room. */
export const [useRoom, provideRoom] = createContext<Room>();

/**
 * Binds keys while the component lives and its room is shown. `bindings` is asked anew at each key, so it may depend on
 * state.
 */
export function useKeys(bindings: () => readonly KeyBinding[], title = 'This view'): void {
  onDestroy(useKeyboard().add({ room: useRoom(), title, bindings }));
}
