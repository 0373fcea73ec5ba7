/** What rows that are not bytes say. */
import type { PageRun } from '@shared/contracts/inspector-port';
import { count, ram } from '../../lib/format';
import type { Row, RowWidth } from './rows';
import { leavesIn, type Structure } from '../tree/structure';

/** `strong` is what it is, `rest` why. */
export interface Sentence {
  readonly strong: string;
  readonly rest: string;
}

/** Page numbers that a stretch covers. */
function pageNumbers(pages: PageRun, from: number, to: number): { first: number; last: number } {
  const number = (offset: number): number => Math.floor((offset - pages.pagesOffset) / pages.pageSize);
  return { first: number(from), last: number(to - 1) };
}

function whichPages(pages: PageRun, from: number, to: number): { text: string; many: boolean } {
  const { first, last } = pageNumbers(pages, from, to);
  if (first === last) return { text: `${pages.block} page ${count(first)}`, many: false };
  return { text: `${pages.block} pages ${count(first)} to ${count(last)}`, many: true };
}

function holeSentence(row: Row, structure: Structure): Sentence {
  const length = ram(row.to - row.from);
  const { pages } = row.segment;
  if (pages !== null) {
    const { text, many } = whichPages(pages, row.from, row.to);
    if (!pages.present)
      return { strong: `Hole, ${length}.`, rest: `${text} ${many ? 'are' : 'is'} zero. No bytes on disk.` };
    return {
      strong: `No bytes on disk, ${length}.`,
      rest: `${text} ${many ? 'are' : 'is'} marked present: a load gives zeros.`,
    };
  }
  return { strong: `Hole, ${length}.`, rest: `${whatIsMissing(row, structure)} No bytes on disk.` };
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function whatIsMissing(row: Row, structure: Structure): string {
  const leaves = leavesIn(structure, row.from, row.to);
  const fields = leaves.filter(({ node }) => node.kind !== 'padding' && node.kind !== 'trailing');
  const [first] = fields;
  if (first !== undefined) return `${capital(first.node.label)} lies here and reads as zeros.`;
  if (leaves[0]?.node.kind === 'padding') return 'Padding before the pages.';
  return 'Reads as zeros.';
}

/** The sentence of a row that stands for bytes it does not show. */
export function sentenceFor(row: Row, structure: Structure, width: RowWidth): Sentence {
  const bytes = row.to - row.from;
  const lines = Math.ceil(bytes / width);
  switch (row.kind) {
    case 'hole':
      return holeSentence(row, structure);
    case 'stale': {
      const which = row.segment.pages === null ? '' : whichPages(row.segment.pages, row.from, row.to).text;
      return { strong: `Stale, ${ram(bytes)}.`, rest: `${which}: zero in the bitmap, older bytes on disk.` };
    }
    case 'fold': {
      const { pages } = row.segment;
      const name =
        row.title ?? (pages === null ? 'This run' : `Page ${count(pageNumbers(pages, row.from, row.to).first)}`);
      return { strong: '', rest: `${capital(name)} continues, ${count(bytes)} bytes, ${count(lines)} rows` };
    }
    case 'bytes':
    case 'page':
      return { strong: '', rest: '' };
  }
}

/** What the row that opens a page says. */
export function pageTitle(row: Row): { readonly number: string; readonly title: string; readonly state: string } {
  const { pages } = row.segment;
  if (pages === null) return { number: '', title: '', state: '' };
  const { first } = pageNumbers(pages, row.from, row.from + 1);
  const begins = (row.from - pages.pagesOffset) % pages.pageSize === 0;
  const state = pages.present ? 'present' : 'zero in the bitmap, older bytes on disk';
  return {
    number: `page ${count(first)}`,
    title: `${pages.block}, page ${count(first)}${begins ? '' : ', continued'}`,
    state,
  };
}
