/** The keys of the inspector, as the window's key table wants them. */
import type { KeyBinding } from '../app/keys';
import type { OpenFile } from './open-file.svelte';
import type { InspectorView } from './views';

interface Actions {
  goTo(): void;
  find(): void;
  filter(): void;
  mark(): void;
  export(): void;
  copyAs(): void;
}

/** In the view that compares two files: what moves in the bytes of one file means nothing there. */
export const comparingBindings = (file: OpenFile): readonly KeyBinding[] => [
  { keys: 'n', label: 'next difference', hint: true, run: () => void file.comparison?.pair.goToDifference(1) },
  {
    keys: 'Shift+N',
    label: 'previous difference',
    hint: true,
    run: () => void file.comparison?.pair.goToDifference(-1),
  },
  ...(file.comparison?.stopped === true
    ? [{ keys: 'r', label: 'compare the rest', hint: true, run: () => void file.comparison?.run() }]
    : []),
];

export const bindingsOf = (file: OpenFile, actions: Actions): readonly KeyBinding[] => [
  { keys: 'g', label: 'go to', hint: true, run: () => actions.goTo() },
  { keys: '/', label: 'find', hint: true, run: () => actions.find() },
  { keys: 'n', label: 'next hit', run: () => void file.find.next(1) },
  { keys: 'Shift+N', label: 'previous hit', run: () => void file.find.next(-1) },
  { keys: 'f', label: 'filter the structure', hint: true, run: () => actions.filter() },
  { keys: 'b', label: 'bookmark', hint: true, run: () => actions.mark() },
  { keys: 'c', label: 'copy the selection as', run: () => actions.copyAs() },
  { keys: '[', label: 'previous present page', hint: true, run: () => void file.hex.goToPresentPage(-1) },
  { keys: ']', label: 'next present page', hint: true, run: () => void file.hex.goToPresentPage(1) },
  { keys: 'e', label: 'export', run: () => actions.export() },
  { keys: 'Alt+ArrowLeft', label: 'back', run: () => void file.hex.goBack() },
  { keys: 'Alt+ArrowRight', label: 'forward', run: () => void file.hex.goForward() },
];

/** Keys that act in views of something else than bytes and pages. */
const EVERYWHERE: ReadonlySet<string> = new Set(['g', '/', 'e', 'Alt+ArrowLeft', 'Alt+ArrowRight']);

/** Those of the bindings that act in a view; the Pages view has hints enough of its own. */
export function bindingsIn(view: InspectorView, bindings: readonly KeyBinding[]): readonly KeyBinding[] {
  if (view === 'bytes') return bindings;
  if (view === 'pages') return bindings.map((binding) => ({ ...binding, hint: false }));
  return bindings.filter(({ keys }) => EVERYWHERE.has(keys));
}
