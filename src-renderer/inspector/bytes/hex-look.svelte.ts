/** How the bytes are laid out: a person's choices, kept for all files. */
import { hexPaneAt, panesWidth, type Metrics } from './panes';
import { ROW_WIDTHS, type RowWidth } from './rows';
import type { TextPane } from './text-cells';

const KEY = 'stillframe.hex';

export type ColumnChoice = 16 | 32 | 'fit';
/** What the addresses beside the rows are. */
export type Gutter = 'file' | 'block' | 'gpa';

export const COLUMN_CHOICES = [16, 32, 'fit'] as const satisfies readonly ColumnChoice[];
export const GUTTERS = ['file', 'block', 'gpa'] as const satisfies readonly Gutter[];
const TEXTS = ['ascii', 'utf8'] as const satisfies readonly TextPane[];

const USUAL: Metrics = { gutter: 133, gutterGap: 22, cell: 21, groupGap: 8, textGap: 12, char: 8 };
const WIDE: Metrics = { gutter: 140, gutterGap: 26, cell: 24, groupGap: 10, textGap: 16, char: 9 };
/** 32 columns beside both panels at 1920 px. */
const DENSE: Metrics = { gutter: 133, gutterGap: 10, cell: 17.5, groupGap: 5, textGap: 8, char: 7.5 };
/** From this width of the view on there is room for notes beside 16 columns. */
const LEAST_WIDE = 860;
const NOTE_WIDTH = 120;

/** Pixels that a row of `columns` takes, up to the end of its text pane. */
export const rowWidthOf = (columns: RowWidth, metrics: Metrics): number =>
  hexPaneAt(metrics) + panesWidth(columns, metrics);

export interface HexLayout {
  readonly columns: RowWidth;
  readonly metrics: Metrics;
  readonly notes: boolean;
}

/** What a choice comes to in a view that is `width` pixels wide. */
export function layoutFor(choice: ColumnChoice, width: number): HexLayout {
  const fits = (columns: RowWidth): boolean => rowWidthOf(columns, USUAL) <= width;
  const columns = choice === 'fit' ? ([...ROW_WIDTHS].reverse().find(fits) ?? ROW_WIDTHS[0]) : choice;
  const metrics = columns === 16 && width >= LEAST_WIDE ? WIDE : columns > 16 && !fits(columns) ? DENSE : USUAL;
  return { columns, metrics, notes: width - rowWidthOf(columns, metrics) >= NOTE_WIDTH };
}

interface Choices {
  readonly columns: ColumnChoice;
  readonly gutter: Gutter;
  readonly text: TextPane;
}

const oneOf = <T>(all: readonly T[], value: unknown): T | undefined => all.find((item) => item === value);

/** Choices as they were left; whatever else is stored there is ignored. */
function stored(): Choices {
  const usual: Choices = { columns: 16, gutter: 'file', text: 'ascii' };
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    if (typeof value !== 'object' || value === null) return usual;
    const kept = value as Readonly<Record<string, unknown>>;
    return {
      columns: oneOf(COLUMN_CHOICES, kept['columns']) ?? usual.columns,
      gutter: oneOf(GUTTERS, kept['gutter']) ?? usual.gutter,
      text: oneOf(TEXTS, kept['text']) ?? usual.text,
    };
  } catch {
    return usual;
  }
}

class HexLook {
  #choices = $state.raw<Choices>(stored());

  get columns(): ColumnChoice {
    return this.#choices.columns;
  }
  get gutter(): Gutter {
    return this.#choices.gutter;
  }
  get text(): TextPane {
    return this.#choices.text;
  }

  choose(change: Partial<Choices>): void {
    this.#choices = { ...this.#choices, ...change };
    localStorage.setItem(KEY, JSON.stringify(this.#choices));
  }
}

export const hexLook = new HexLook();
