/** The hex view's own keys: those that move the cursor, and what opens a folded row or copies the selection. */
import type { HexState } from './hex-state.svelte';
import type { Move } from './moves';

const MOVES: Readonly<Record<string, Move>> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
  PageUp: 'page-up',
  PageDown: 'page-down',
  Home: 'row-start',
  End: 'row-end',
};

/** Does what the key stands for; false when it stands for nothing here. */
export function pressed(
  hex: HexState,
  event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'altKey' | 'metaKey' | 'shiftKey'>,
  copy: () => void,
): boolean {
  if (event.altKey || event.metaKey) return false;
  if (event.ctrlKey) {
    if (event.key.toLowerCase() === 'c') {
      copy();
      return true;
    }
    if (event.key !== 'Home' && event.key !== 'End') return false;
    void hex.goTo(event.key === 'Home' ? 0 : Math.max(0, hex.size - 1));
    return true;
  }
  const move = MOVES[event.key];
  if (move !== undefined) {
    void hex.move(move, event.shiftKey);
    return true;
  }
  const row = hex.cursorRow;
  if ((event.key !== 'Enter' && event.key !== ' ') || row === null || row.kind === 'bytes') return false;
  hex.open(row);
  return true;
}
