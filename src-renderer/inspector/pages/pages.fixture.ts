/** A worker's side of the Pages view over flags that a test gives, with answers as the contract has them. */
import {
  OVERVIEW_COUNTS,
  PAGE_FLAGS,
  type InspectorPagesApi,
  type PageScan,
  type PageScanState,
  type PageTotals,
} from '@shared/contracts/inspector-pages';
import { hasState } from '@shared/page-state/page-state';
import type { PageBlock } from './page-block';

export const blockOf = (name: string, pages: number): PageBlock => ({
  name,
  pages,
  pageSize: 4096,
  pagesOffset: 2 ** 20,
});

export interface FakePages {
  readonly api: InspectorPagesApi;
  /** Calls in their order, e.g. `pages pc.ram 0 4096`. */
  readonly asked: string[];
}

/** `flags` of each page of each block; `classes` of the first block's. */
export function pagesApiOf(flags: Readonly<Record<string, Uint8Array>>, looks: Uint8Array | null = null): FakePages {
  const asked: string[] = [];
  const states = new Map<PageScan, PageScanState>();
  const of = (block: string): Uint8Array => flags[block] ?? new Uint8Array(0);
  const told = (...words: readonly (string | number)[]): void => void asked.push(words.join(' '));
  const some = (block: string, first: number, count: number): Uint8Array => of(block).subarray(first, first + count);

  return {
    asked,
    api: {
      async pages(block, first, count) {
        told('pages', block, first, count);
        const part = some(block, first, count).slice();
        const classes = looks?.slice(first, first + count) ?? null;
        return { first, flags: part, classes, entropy: classes?.map((kind) => kind * 40) ?? null };
      },
      async overview(block, first, count, cells) {
        told('overview', block, first, count, cells);
        const part = some(block, first, count);
        const perCell = Math.max(1, Math.ceil(part.length / cells));
        const counts: number[] = [];
        for (let at = 0; at < part.length; at += perCell) {
          const totals = totalsOf(part.subarray(at, at + perCell));
          counts.push(...OVERVIEW_COUNTS.map((name) => totals[name]));
        }
        return { first, perCell, counts: Uint32Array.from(counts), entropy: null, classes: null };
      },
      async totals(block, first, count) {
        told('totals', block, first, count);
        return totalsOf(some(block, first, count));
      },
      async nextPage(block, from, direction, set, clear) {
        told('nextPage', block, from, direction);
        const all = of(block);
        for (let page = from; page >= 0 && page < all.length; page += direction) {
          const each = all[page] ?? 0;
          if ((each & set) === set && (each & clear) === 0) return page;
        }
        return null;
      },
      async beginScan(scan) {
        told('beginScan', scan);
        const state = { scan, state: 'done', doneBytes: 1, totalBytes: 1, why: null } as const;
        states.set(scan, state);
        return state;
      },
      endScan: async (scan) => states.get(scan) ?? { scan, state: 'not begun', doneBytes: 0, totalBytes: 0, why: null },
      scans: async () => [...states.values()],
    },
  };
}

function totalsOf(flags: Uint8Array): PageTotals {
  const having = (holds: (each: number) => boolean): number => flags.filter(holds).length;
  return {
    pages: flags.length,
    present: having((each) => hasState(each, 'present')),
    lost: having((each) => hasState(each, 'lost')),
    stale: having((each) => hasState(each, 'stale')),
    mismatch: having((each) => (each & PAGE_FLAGS.mismatch) !== 0),
    duplicate: having((each) => (each & PAGE_FLAGS.duplicate) !== 0),
    changed: having((each) => (each & PAGE_FLAGS.changed) !== 0),
  };
}
