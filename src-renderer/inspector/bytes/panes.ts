/** Where the cells of a row stand: in the hex pane in groups of eight, in the text pane behind it side by side. */

/** Pixels of a row's parts. */
export interface Metrics {
  readonly gutter: number;
  readonly gutterGap: number;
  readonly cell: number;
  /** Between groups of eight. */
  readonly groupGap: number;
  readonly textGap: number;
  readonly char: number;
}

const GROUP = 8;

/** Pixels before the gutter. */
export const EDGE = 12;

/** Where the hex pane begins, from a row's left edge. */
export const hexPaneAt = ({ gutter, gutterGap }: Pick<Metrics, 'gutter' | 'gutterGap'>): number =>
  EDGE + gutter + gutterGap;

/** Where a column begins in the hex pane. */
export const hexColumnLeft = (column: number, { cell, groupGap }: Pick<Metrics, 'cell' | 'groupGap'>): number =>
  column * cell + Math.floor(column / GROUP) * groupGap;

/** The column `x` pixels into the hex pane; what is between two groups belongs to the one before. */
export function hexColumnAt(x: number, { cell, groupGap }: Pick<Metrics, 'cell' | 'groupGap'>): number {
  const pitch = GROUP * cell + groupGap;
  const group = Math.floor(x / pitch);
  return group * GROUP + Math.min(GROUP - 1, Math.floor((x - group * pitch) / cell));
}

/** Where the text pane begins, from the left edge of the hex pane. */
export const textPaneAt = (
  columns: number,
  { cell, groupGap, textGap }: Pick<Metrics, 'cell' | 'groupGap' | 'textGap'>,
): number => columns * cell + (columns / GROUP - 1) * groupGap + textGap;

/** What both panes take together. */
export const panesWidth = (columns: number, metrics: Metrics): number =>
  textPaneAt(columns, metrics) + columns * metrics.char;
