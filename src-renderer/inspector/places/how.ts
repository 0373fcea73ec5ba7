/** What stands beside the four places: how they follow from each other, and which header field decides. */
import { hex } from '@shared/bytes/units';
import type { TranslateReport } from '@shared/contracts/inspect';
import { count } from '../../lib/format';
import type { Leaf } from '../tree/structure';
import type { PagePlace } from '../open-file.svelte';

/** Text before the field that decides, the field itself as a link, and text behind it. */
export interface DeciderLine {
  readonly before: string;
  readonly field: string;
  /** The field's own bytes; null when it is not known where it stands. */
  readonly at: { readonly offset: number; readonly length: number } | null;
  readonly behind: string;
}

export interface How {
  /** null where there is nothing to say beside the decider. */
  readonly way: string | null;
  readonly decider: DeciderLine | null;
  /** Outside of pages: the field and the structures around it. */
  readonly plain: readonly [string, string] | null;
}

export interface HowFacts {
  readonly place: PagePlace | null;
  readonly decider: Leaf | null;
  readonly leaf: Leaf | null;
  readonly walk: TranslateReport | null;
  readonly others: number;
  readonly ramMapFrom: 'manifest' | 'machine type' | null;
}

/** `PML4[511], PDPT[510], PD[17], a 2 MiB page` */
export function wayOf({ steps, cpu, mode }: TranslateReport): string {
  if (steps.length === 0) return `cpu ${cpu} does not translate addresses (${mode}).`;
  const tables = steps.map(({ table, index }) => `${table}[${index}]`).join(', ');
  return `Walked cpu ${cpu}’s page tables: ${tables}, a ${steps.at(-1)?.leadsTo ?? ''}.`;
}

const RAM_FROM = {
  manifest: 'Guest-physical by the RAM map of the manifest.',
  'machine type': 'Guest-physical worked out from the machine type.',
} as const;

/** `wide`: there is room for sentences. */
export function howOf({ place, decider, leaf, walk, others, ramMapFrom }: HowFacts, wide: boolean): How {
  if (place === null) {
    const plain: How['plain'] =
      leaf === null ? null : [leaf.node.label, leaf.parents.map(({ label }) => label).join(', ')];
    return { way: null, decider: null, plain };
  }
  const { pagesOffset, pageSize, present } = place.pages;
  const sum = `+ ${count(place.page)} × ${pageSize} + ${hex(place.within)}`;
  const at = decider === null ? null : { offset: decider.node.offset, length: decider.node.length };
  const field = decider?.node.label ?? 'pages offset';
  if (!wide) {
    const behind = ` ${hex(pagesOffset)}`;
    return { way: `${sum}, ${present ? 'present' : 'zero'}`, decider: { before: '', field, at, behind }, plain: null };
  }
  const header = decider?.parents.at(-1);
  const inHeader =
    header === undefined || at === null ? '' : ` (header at ${hex(header.offset)}, +${at.offset - header.offset})`;
  const bit = present ? 'set: the page is present' : 'clear: the page is zero';
  const more = others === 0 ? '' : ` ${count(others)} more ${others === 1 ? 'address leads' : 'addresses lead'} here.`;
  const ram = ramMapFrom === null ? 'No RAM map is known.' : RAM_FROM[ramMapFrom];
  return {
    way: walk === null ? ram : `${wayOf(walk)}${more}${ramMapFrom === 'machine type' ? ` ${ram}` : ''}`,
    decider: {
      before: 'Decided by ',
      field,
      at,
      behind: ` ${hex(pagesOffset)}${inHeader} ${sum}. Bit ${count(place.page)} is ${bit}.`,
    },
    plain: null,
  };
}
