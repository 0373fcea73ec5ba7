/** Which byte a pointer is over. */

/** The offset of the byte whose cell (hex or ASCII) is at this point; for a row without cells, where the row begins. */
export function offsetAtPoint(x: number, y: number): number | null {
  const element = document.elementFromPoint(x, y);
  const row = element?.closest<HTMLElement>('[data-from]');
  if (element === null || !row || row.dataset['kind'] === 'page') return null;
  const from = Number(row.dataset['from']);
  const pane = element.closest('[data-pane]');
  if (pane === null) return row.dataset['kind'] === 'bytes' ? null : from;
  const column = [...pane.children].indexOf(element);
  const cell = column < 0 ? undefined : pane.children[column];
  if (cell === undefined || cell.classList.contains('absent')) return null;
  return Number(row.dataset['base']) + column;
}
