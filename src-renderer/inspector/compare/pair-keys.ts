/** The keys of the two panes: those that move the cursor, and the one that copies its row. */
import type { PairMove } from './pair-rows';
import type { PairState } from './pair-state.svelte';

const MOVES: Readonly<Record<string, PairMove>> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
  PageUp: 'page-up',
  PageDown: 'page-down',
  Home: 'row-start',
  End: 'row-end',
};
const FAR: Readonly<Record<string, PairMove>> = { Home: 'block-start', End: 'block-end' };

/** Does what the key stands for; false when it stands for nothing here. */
export function pressed(
  pair: PairState,
  event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'altKey' | 'metaKey'>,
  copy: () => void,
): boolean {
  if (event.altKey || event.metaKey) return false;
  if (event.ctrlKey && event.key.toLowerCase() === 'c') {
    copy();
    return true;
  }
  const move = (event.ctrlKey ? FAR : MOVES)[event.key];
  if (move === undefined) return false;
  pair.move(move);
  return true;
}
