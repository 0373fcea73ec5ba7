/** Figures and tables for people: binary units for RAM, decimal ones for files and rates. */

const DECIMAL = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

function scaled(bytes: number, step: number, units: readonly string[]): string {
  let value = bytes;
  let unit = 0;
  while (value >= step && unit < units.length - 1) {
    value /= step;
    unit += 1;
  }
  const digits = unit === 0 || Number.isInteger(value) || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit] ?? ''}`;
}

/** Bytes of a file or on a disk: `6.84 GB`. */
export const fileSize = (bytes: number): string => scaled(bytes, 1000, DECIMAL);

/** Bytes of RAM: `256 MiB`. */
export const ramSize = (bytes: number): string => scaled(bytes, 1024, BINARY);

/** `412 MB/s` */
export const rate = (bytesPerSecond: number): string => `${fileSize(bytesPerSecond)}/s`;

/** `31 ms`, `4.2 s`, `3 min 20 s` */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${milliseconds.toFixed(0)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 && !Number.isInteger(seconds) ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** ISO 8601 as local date and minute: `2026-11-23 14:05`. */
export function localTime(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** Text from elsewhere (VM names, block names) without what could move a terminal's cursor. */
export const printable = (text: string): string => text.replace(/\p{C}/gu, '\uFFFD');

export interface Column<Row> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  readonly value: (row: Row) => string;
}

/** Rows under titles, columns two spaces apart. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.value(row))));
  const titles = columns.map(({ title }) => title);
  const widths = columns.map((_, index) => Math.max(...[titles, ...cells].map((line) => (line[index] ?? '').length)));
  const draw = (line: readonly string[]): string =>
    line
      .map((cell, index) =>
        columns[index]?.align === 'right' ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [titles, ...cells].map(draw).join('\n');
}
