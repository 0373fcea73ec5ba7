import type { PageState } from './page-state';

export interface StateWords {
  /** As a heading: `Lost write`. */
  readonly name: string;
  /** Inside a sentence: `lost write`. */
  readonly word: string;
  /** What it means for a page. */
  readonly sentence: string;
}

export const STATE_WORDS: Readonly<Record<PageState, StateWords>> = {
  present: { name: 'Present', word: 'present', sentence: 'Written by the save. A load reads it from the file.' },
  zero: { name: 'Zero, hole', word: 'zero', sentence: 'Bit clear, and no bytes on disk. A load gives zeros.' },
  stale: {
    name: 'Stale',
    word: 'stale',
    sentence: 'Bit clear, but older bytes on disk. A load gives zeros.',
  },
  lost: {
    name: 'Lost write',
    word: 'lost write',
    sentence: 'Bit set, but no bytes on disk. A load gives zeros where the guest had data.',
  },
  mismatch: {
    name: 'Digest mismatch',
    word: 'digest mismatch',
    sentence: 'Its unit of 1 MiB differs from the digest that was taken at the save.',
  },
  changed: { name: 'Changed', word: 'changed', sentence: 'It differs from the file that this one is compared with.' },
  duplicate: {
    name: 'Duplicate content',
    word: 'duplicate content',
    sentence: 'Another present page of the file has the same bytes.',
  },
};
