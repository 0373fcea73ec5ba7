/** What is wrong or odd with a stretch of pages, or with their block. */
import type { BlockReport, Problem, Severity } from '@shared/contracts/inspect';
import type { PageState } from '@shared/page-state/page-state';
import { count, counted } from '../../lib/format';
import { offsetOfPage, type PageBlock, type PageRange } from './page-block';
import type { Summary } from './summary.svelte';

export interface FindingHere {
  readonly severity: Severity;
  readonly strong: string;
  readonly rest: string;
  /** The state whose pages it is about; null for a finding of the file's structure. */
  readonly state: PageState | null;
  /** Where in the file it is; null for one about pages. */
  readonly offset: number | null;
}

/** About pages whose state is a fault, or odd. */
export function stateFindings({ totals, first }: Pick<Summary, 'totals' | 'first'>): FindingHere[] {
  const place = (state: PageState): string => (first[state] === undefined ? '' : `, first ${count(first[state])}`);
  const found: (FindingHere & { readonly pages: number })[] = [
    {
      pages: totals.lost,
      severity: 'error',
      strong: `${counted(totals.lost, 'lost write')}${place('lost')}.`,
      rest: 'Bit set, but no bytes on disk: a load gives zeros where the guest had data.',
      state: 'lost',
      offset: null,
    },
    {
      pages: totals.mismatch,
      severity: 'error',
      strong: `${counted(totals.mismatch, 'page')} in units that differ from their digest${place('mismatch')}.`,
      rest: 'A digest covers 1 MiB. One page of each such unit at least is not as it was saved.',
      state: 'mismatch',
      offset: null,
    },
    {
      pages: totals.stale,
      severity: 'note',
      strong: `${counted(totals.stale, 'stale page')}${place('stale')}.`,
      rest: 'Older bytes under a clear bit. A restore takes them for zeros.',
      state: 'stale',
      offset: null,
    },
  ];
  return found.filter(({ pages }) => pages > 0);
}

/** Of the file's problems, those inside the selected pages; without a selection, those of the block's record, header and pages. */
export function problemsHere(
  problems: readonly Problem[],
  report: BlockReport | null,
  block: PageBlock,
  selection: PageRange | null,
): FindingHere[] {
  const from = selection === null ? (report?.recordOffset ?? block.pagesOffset) : offsetOfPage(block, selection.from);
  const to = offsetOfPage(block, selection?.to ?? block.pages);
  return problems.flatMap(({ offset, severity, message }) =>
    offset !== null && offset >= from && offset < to
      ? [{ severity, strong: '', rest: message, state: null, offset }]
      : [],
  );
}
