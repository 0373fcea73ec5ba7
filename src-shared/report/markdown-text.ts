/** Text from a file as Markdown that shows it and does nothing else. */

/** Whatever moves a cursor, hides, or ends a line. */
const UNSEEN = /[\p{C}\p{Z}]/gu;
/**
 * What begins something inside a line of CommonMark or GFM. Of the marks of links that are made of plain text (`www.`,
 * `https:`, `a@b`) those that make one; `_` within a word does nothing.
 */
const MARKS = /[\\`*[\]<>#|~&@$]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])|(?<=[a-z]):(?=\S)|(?<=www)\./giu;

/** A text that stands inside a line: names, sentences. Control characters and line ends show as U+FFFD. */
export const markdownText = (text: string): string =>
  text
    .replace(UNSEEN, (one) => (one === ' ' ? one : '\uFFFD'))
    .replace(MARKS, (mark) => `\\${mark}`)
    .trim();

export interface MarkdownColumn<Row> {
  readonly title: string;
  readonly align?: 'right';
  /** As Markdown: what comes from a file goes through `markdownText`. */
  readonly value: (row: Row) => string;
}

/** A table of GFM. */
export function markdownTable<Row>(columns: readonly MarkdownColumn<Row>[], rows: readonly Row[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(columns.map(({ title }) => title)),
    line(columns.map(({ align }) => (align === 'right' ? '---:' : '---'))),
    ...rows.map((row) => line(columns.map(({ value }) => value(row)))),
  ].join('\n');
}
