/** The keys of the Pages view. */
import type { KeyBinding } from '../../app/keys';
import { PAGE_STATES } from '@shared/page-state/page-state';
import { STATE_WORDS } from '@shared/page-state/words';
import type { PageMove } from './grid';
import type { PagesState } from './pages-state.svelte';

const MOVES: Readonly<Record<string, PageMove>> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
  PageUp: 'page-up',
  PageDown: 'page-down',
  Home: 'start',
  End: 'end',
};

type Stroke = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'altKey' | 'metaKey' | 'shiftKey'>;

/** Does what a key that moves the focus stands for, when the cells have it; false when it stands for nothing. */
export function moveByKey(pages: PagesState, { key, ctrlKey, altKey, metaKey, shiftKey }: Stroke): boolean {
  const move = MOVES[key];
  if (move === undefined || altKey || metaKey) return false;
  if (!ctrlKey) pages.move(move, shiftKey);
  else if (move === 'start') pages.move('first', shiftKey);
  else if (move === 'end') pages.move('last', shiftKey);
  else return false;
  return true;
}

const nothing = (): void => undefined;

/** The others, which count anywhere in the view. `show` goes to the bytes of the page with the focus. */
export function pageBindings(pages: PagesState, show: () => void): readonly KeyBinding[] {
  const states = PAGE_STATES.map((state, index): KeyBinding => ({
    keys: String(index + 1),
    label: `next: ${STATE_WORDS[state].word}`,
    run: () => void pages.goToNext(state),
  }));
  return [
    // These two count while the cells have the focus, which answer to them themselves.
    { keys: 'Arrows', label: 'move', hint: true, run: nothing },
    { keys: 'Shift+Arrows', label: 'select', hint: true, run: nothing },
    { keys: '[', label: 'previous', hint: true, run: () => void pages.goToPresent(-1) },
    { keys: ']', label: 'next present page', hint: true, run: () => void pages.goToPresent(1) },
    { keys: '1 … 7', label: 'next of a state', hint: true, run: nothing },
    ...states,
    { keys: '-', label: 'zoom out', hint: true, run: () => pages.zoomBy(1) },
    { keys: '+', label: 'zoom in', hint: true, run: () => pages.zoomBy(-1) },
    { keys: '=', label: 'zoom in', run: () => pages.zoomBy(-1) },
    { keys: 'Enter', label: 'show bytes', hint: true, run: show },
    { keys: 'Escape', label: 'clear the selection', run: () => pages.clearSelection() },
  ];
}
