/**
 * Where arrow keys go in a list or grid with one tab stop. Returns null for a key that does not move.
 * `columns` is 1 for a list.
 */
export function nextIndex(key: string, index: number, count: number, columns: number): number | null {
  const to = { ArrowRight: index + 1, ArrowLeft: index - 1, ArrowDown: index + columns, ArrowUp: index - columns }[key];
  if (key === 'Home') return count === 0 ? null : 0;
  if (key === 'End') return count === 0 ? null : count - 1;
  if (to === undefined || (columns === 1 && (key === 'ArrowLeft' || key === 'ArrowRight'))) return null;
  return to < 0 || to >= count ? null : to;
}

/** How many of these elements stand beside each other in the first row. */
export function columnsOf(elements: readonly HTMLElement[]): number {
  const top = elements[0]?.offsetTop;
  const next = elements.findIndex((element) => element.offsetTop !== top);
  return next === -1 ? Math.max(1, elements.length) : next;
}
