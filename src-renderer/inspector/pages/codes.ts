/** Which tile each cell is drawn with: a byte each, so that painting is copying. */
import { OVERVIEW_COUNTS, PAGE_CLASSES, PAGE_FLAGS } from '@shared/contracts/inspector-pages';
import { cellState, PAGE_STATES, pageState, type PageState, type ShownStates } from '@shared/page-state/page-state';

export type PageLayer = 'state' | 'entropy' | 'class';

/** Shades between zero and present, and of entropy. */
export const SHADES = 32;

/** Nothing is known, or what is known is not shown. */
export const BLANK = 0;
const STATES = 1;
const DENSITIES = STATES + PAGE_STATES.length;
const CLASSES = DENSITIES + SHADES;
const ENTROPIES = CLASSES + PAGE_CLASSES.length;
/** Codes below are drawn as they are, those from here on dimmed. */
export const DIMMED = ENTROPIES + SHADES;
export const CODES = 2 * DIMMED;

export const codeOfState = (state: PageState | null): number =>
  state === null ? BLANK : STATES + PAGE_STATES.indexOf(state);
export const codeOfClass = (index: number): number => CLASSES + Math.min(index, PAGE_CLASSES.length - 1);
/** `entropy` in 1/31 bit, as PageFacts has it. */
export const codeOfEntropy = (entropy: number): number => ENTROPIES + Math.min(SHADES - 1, Math.floor(entropy / 8));

/** What a code stands for, for who draws it. */
export type Tile =
  | { readonly kind: 'blank' }
  | { readonly kind: 'state'; readonly state: PageState }
  /** `share` 0 … 1 of the pages are present; never 0. */
  | { readonly kind: 'density'; readonly share: number }
  | { readonly kind: 'class'; readonly class: (typeof PAGE_CLASSES)[number] }
  | { readonly kind: 'entropy'; readonly share: number };

/** `code` below DIMMED. */
export function tileOf(code: number): Tile {
  const state = PAGE_STATES[code - STATES];
  if (code >= STATES && state !== undefined) return { kind: 'state', state };
  if (code >= ENTROPIES) return { kind: 'entropy', share: (code - ENTROPIES) / (SHADES - 1) };
  if (code >= CLASSES) return { kind: 'class', class: PAGE_CLASSES[code - CLASSES] ?? 'unknown' };
  if (code >= DENSITIES) return { kind: 'density', share: (code - DENSITIES + 1) / SHADES };
  return { kind: 'blank' };
}

/** What is known of some cells: facts of a page each, or counts of an overview. */
export interface CellFacts {
  readonly cells: number;
  /** PAGE_FLAGS of a page each; null when a cell stands for several pages. */
  readonly flags: Uint8Array | null;
  /** OVERVIEW_COUNTS of each cell; null when a cell is a page. */
  readonly counts: Uint32Array | null;
  readonly classes: Uint8Array | null;
  readonly entropy: Uint8Array | null;
}

/** What decides how facts are drawn. */
export interface Drawn {
  readonly layer: PageLayer;
  readonly shown: ShownStates;
}

/** Codes of all cells of `facts`; `pagesOf` tells for how many pages a cell stands. */
export function codesOf(facts: CellFacts, { layer, shown }: Drawn, pagesOf: (cell: number) => number): Uint8Array {
  if (layer === 'state') return stateCodes(facts, shown, pagesOf);
  const { classes, entropy } = facts;
  return Uint8Array.from({ length: facts.cells }, (_, cell) => {
    const known = classes?.[cell] ?? 0;
    if (known === 0) return hasPages(facts, cell) ? codeOfClass(0) : codeOfState('zero');
    return layer === 'class' ? codeOfClass(known) : codeOfEntropy(entropy?.[cell] ?? 0);
  });
}

function stateCodes(
  { cells, flags, counts }: CellFacts,
  shown: ShownStates,
  pagesOf: (cell: number) => number,
): Uint8Array {
  const codes = new Uint8Array(cells);
  if (flags !== null) {
    const perFlags = Uint8Array.from({ length: 256 }, (_, each) => codeOfState(pageState(each, shown)));
    flags.forEach((each, cell) => (codes[cell] = perFlags[each] ?? BLANK));
  } else if (counts !== null) {
    for (let cell = 0; cell < cells; cell += 1) codes[cell] = densityCode(counts, cell, pagesOf(cell), shown);
  }
  return codes;
}

/** Whether any page of a cell is present: others are not looked at by a scan. */
const hasPages = ({ flags, counts }: CellFacts, cell: number): boolean =>
  flags !== null
    ? ((flags[cell] ?? 0) & PAGE_FLAGS.present) !== 0
    : (counts?.[cell * OVERVIEW_COUNTS.length + PRESENT] ?? 0) > 0;

const PRESENT = OVERVIEW_COUNTS.indexOf('present');

/** A rare state wins its cell; without one, the more pages are present, the darker. */
function densityCode(counts: Uint32Array, cell: number, pages: number, shown: ShownStates): number {
  const at = cell * OVERVIEW_COUNTS.length;
  const state = cellState(counts, at, pages, shown);
  const present = counts[at + PRESENT] ?? 0;
  if (state !== 'present' || present >= pages) return codeOfState(state);
  return DENSITIES + Math.max(0, Math.ceil((present / pages) * SHADES) - 1);
}
