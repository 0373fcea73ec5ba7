/** Which byte a pointer is over. */
import { hexColumnAt, type Metrics } from './panes';

/** The offset of the byte whose cell (hex or ASCII) is at this point; for a row without cells, where the row begins. */
export function offsetAtPoint(x: number, y: number, metrics: Metrics): number | null {
  const element = document.elementFromPoint(x, y);
  const row = element?.closest<HTMLElement>('[data-from]');
  if (element === null || !row || row.dataset['kind'] === 'page') return null;
  const [from, to, base] = [row.dataset['from'], row.dataset['to'], row.dataset['base']].map(Number);
  if (from === undefined || to === undefined || base === undefined) return null;
  if (row.dataset['kind'] !== 'bytes') return from;
  const pane = element.closest<HTMLElement>('[data-pane]');
  if (pane === null) return null;
  const within = x - pane.getBoundingClientRect().left;
  const column = pane.dataset['pane'] === 'hex' ? hexColumnAt(within, metrics) : Math.floor(within / metrics.char);
  const offset = base + column;
  return offset >= from && offset < to ? offset : null;
}
