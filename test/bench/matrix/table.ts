/** The matrix as text. */
import type { Mode, Run } from './types';

const PAGE_BYTES = 4096;
const GIB = 2 ** 30;

export interface Row {
  readonly mode: Mode;
  readonly runs: readonly Run[];
  /** Why it could not be measured; null when it was. */
  readonly failed: string | null;
}

const COLUMNS = [
  'mode',
  'who',
  'guest',
  'flush',
  'time s',
  'stood s',
  'pages/s',
  'MB/s',
  'size ÷ RAM',
  'on disk ÷ RAM',
  'flush s',
  'QMP save ms',
  'QMP flush ms',
  'CPU s/GiB',
] as const;

/** A line for each row, in its order; figures are medians of its runs, and the longest QMP answer of them all. */
export function tableOf(rows: readonly Row[], ramBytes: number): string {
  const lines = [[...COLUMNS], ...rows.map((row) => cellsOf(row, ramBytes))];
  const widths = COLUMNS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const texts = lines.map((line) =>
    line
      .map((cell, column) => (column < 4 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return [texts[0], widths.map((width) => '-'.repeat(width)).join('  '), ...texts.slice(1)].join('\n');
}

function cellsOf({ mode, runs, failed }: Row, ramBytes: number): string[] {
  const names = [mode.name, mode.who, mode.live ? 'runs' : 'stopped', mode.flush];
  if (failed !== null) return [...names, failed];
  const middle = (value: (run: Run) => number | null): number | null => {
    const values = runs.map(value).filter((one) => one !== null);
    return values.length === 0 ? null : median(values);
  };
  const most = (value: (run: Run) => number | null): string => {
    const values = runs.map(value).filter((one) => one !== null);
    return figure(values.length === 0 ? null : Math.max(...values), 0);
  };
  const seconds = figure(
    middle(({ saveMs }) => saveMs / 1000),
    2,
  );
  return [
    ...names,
    `${seconds}${endless(runs)}`,
    figure(
      middle(({ stoodMs }) => (stoodMs === null ? null : stoodMs / 1000)),
      2,
    ),
    figure(
      middle(({ pages, saveMs }) => (pages / saveMs) * 1000),
      0,
    ),
    figure(
      middle(({ pages, saveMs }) => (pages * PAGE_BYTES) / saveMs / 1000),
      0,
    ),
    figure(
      middle(({ fileBytes }) => fileBytes / ramBytes),
      2,
    ),
    figure(
      middle(({ allocatedBytes }) => allocatedBytes / ramBytes),
      2,
    ),
    figure(
      middle(({ flushMs }) => (flushMs === null ? null : flushMs / 1000)),
      2,
    ),
    most(({ qmpSaveMs }) => qmpSaveMs),
    most(({ qmpFlushMs }) => qmpFlushMs),
    figure(
      middle(({ cpuSeconds, pages }) => (pages === 0 ? null : (cpuSeconds / (pages * PAGE_BYTES)) * GIB)),
      2,
    ),
  ];
}

/** Of a guest that writes faster than it is saved. */
function endless(runs: readonly Run[]): string {
  const ends = runs.map(({ end }) => end).filter((end) => end !== 'done');
  const [how] = ends;
  if (how === undefined) return '';
  return `, ${how}${ends.length < runs.length ? ` (${ends.length} of ${runs.length})` : ''}`;
}

/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

const figure = (value: number | null, digits: number): string => (value === null ? '-' : value.toFixed(digits));
