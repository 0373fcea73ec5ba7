/** Figures of repeated runs and what is made of them. */

export interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Bytes written. */
  readonly bytes: number;
}

/** A row of the table, and how it is measured once. */
export interface Row {
  readonly who: string;
  measure(): Promise<Measured>;
  readonly runs: Measured[];
}

/** A ratio of two rows that has to be on one side of a limit. */
export interface Target {
  readonly text: string;
  readonly ratio: number;
  readonly atMost?: number;
  readonly atLeast?: number;
}

const GIB = 2 ** 30;
const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

/** The one in the middle; NaN of nothing. */
export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;

export const secondsOf = ({ runs }: Row): number => median(runs.map(({ seconds }) => seconds));

/** Megabytes (10^6) per second that a row wrote. */
export const rateOf = ({ runs }: Row): number => median(runs.map(({ bytes, seconds }) => bytes / seconds)) / 1e6;

/** The rows with their medians, on stdout. */
export function printRows(rows: readonly Row[]): void {
  console.table(
    rows.map((row) => {
      const all = row.runs.map(({ seconds }) => seconds);
      return {
        who: row.who,
        seconds: rounded(secondsOf(row), 3),
        least: rounded(Math.min(...all), 3),
        most: rounded(Math.max(...all), 3),
        'MB/s': Math.round(rateOf(row)),
        'CPU s/GiB': rounded(median(row.runs.map(({ cpuSeconds, bytes }) => (cpuSeconds / bytes) * GIB)), 3),
      };
    }),
  );
}

/** The targets with what came out, on stdout; whether all are met. */
export function printTargets(targets: readonly Target[]): boolean {
  let met = true;
  for (const { text, ratio, atMost = Infinity, atLeast = 0 } of targets) {
    const good = ratio <= atMost && ratio >= atLeast;
    const limit = atMost === Infinity ? `at least ${atLeast}` : `at most ${atMost}`;
    console.log(`${good ? 'met   ' : 'MISSED'} ${text}: ${rounded(ratio, 2)} (${limit})`);
    met &&= good;
  }
  return met;
}
