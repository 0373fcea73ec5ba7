/** Which byte a pointer is over. */
import type { Metrics } from './hex-look.svelte';

const GROUP = 8;

/** The column `x` pixels into the hex pane; what is between two groups belongs to the one before. */
export function hexColumnAt(x: number, { cell, groupGap }: Pick<Metrics, 'cell' | 'groupGap'>): number {
  const pitch = GROUP * cell + groupGap;
  const group = Math.floor(x / pitch);
  return group * GROUP + Math.min(GROUP - 1, Math.floor((x - group * pitch) / cell));
}

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
