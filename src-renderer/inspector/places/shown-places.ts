/** What the four fields of the location bar show. */
import { hex } from '@shared/bytes/units';
import { count } from '../../lib/format';
import { groupedOffset } from '../bytes/byte-text';
import type { PagePlace } from '../open-file.svelte';
import type { PlaceKind } from './places';
import type { Virtual } from './place-state.svelte';

export interface ShownPlace {
  readonly label: string;
  /** Beside the label: that there are more. */
  readonly more: string;
  /** null: it is not known, and `unknown` says so. */
  readonly value: string | null;
  /** The part that is drawn quietly: leading zeros, or the bytes into a page. */
  readonly quiet: string;
  readonly quietFirst: boolean;
  readonly unknown: string;
  readonly title: string | undefined;
}

export interface PlaceFacts {
  readonly cursor: number;
  readonly place: PagePlace | null;
  readonly guestPhysical: number | null;
  readonly ramMapFrom: 'manifest' | 'machine type' | null;
  readonly cpu: number;
  readonly hasCpus: boolean;
  readonly virtual: Virtual | null;
  /** Why there is no guest-virtual address; null while it is looked for. */
  readonly why: string | null;
}

const DERIVED = 'Worked out from the machine type: a memory file does not say where its RAM is.';
/** Other addresses that a tooltip lists. */
const MOST_LISTED = 12;

export const LABELS: Readonly<Record<PlaceKind, string>> = {
  offset: 'File offset',
  page: 'Block, page',
  gpa: 'Guest-physical',
  gva: 'Guest-virtual',
};

const known = (label: string, address: number | bigint, over: Partial<ShownPlace> = {}): ShownPlace => {
  const { lead, rest } = groupedOffset(address);
  return { label, more: '', value: rest, quiet: lead, quietFirst: true, unknown: '', title: undefined, ...over };
};

const unknown = (label: string, says: string, title?: string): ShownPlace => ({
  label,
  more: '',
  value: null,
  quiet: '',
  quietFirst: false,
  unknown: says,
  title,
});

const NOT_GUEST = 'not guest memory';

export function shownPlace(kind: PlaceKind, facts: PlaceFacts): ShownPlace {
  const { cursor, place, guestPhysical, ramMapFrom } = facts;
  switch (kind) {
    case 'offset':
      return known(LABELS.offset, cursor);
    case 'page':
      if (place === null) return unknown(LABELS.page, 'not in a page');
      return {
        ...unknown(LABELS.page, ''),
        value: `${place.pages.block} : ${place.page}`,
        quiet: `+${hex(place.within)}`,
        title: `${place.pages.block}, page ${count(place.page)}`,
      };
    case 'gpa': {
      const derived = ramMapFrom === 'machine type';
      const label = derived ? `${LABELS.gpa}, derived` : LABELS.gpa;
      if (guestPhysical !== null) return known(label, guestPhysical, { title: derived ? DERIVED : undefined });
      if (place === null) return unknown(label, NOT_GUEST);
      return unknown(label, ramMapFrom === null ? 'no RAM map known' : 'not mapped');
    }
    case 'gva':
      return shownVirtual(facts);
  }
}

function shownVirtual({ place, cpu, hasCpus, virtual, why, ramMapFrom }: PlaceFacts): ShownPlace {
  const label = hasCpus ? `${LABELS.gva}, cpu ${cpu}` : LABELS.gva;
  if (place === null) return unknown(label, NOT_GUEST);
  if (virtual !== null) {
    const { others, listed } = virtual;
    const some = listed.slice(0, MOST_LISTED).map((address) => hex(address));
    return known(label, virtual.address, {
      more: others === 0 ? '' : `+${count(others)}`,
      title:
        others === 0
          ? undefined
          : `${count(others)} more lead here: ${some.join(', ')}${others > some.length ? ' …' : ''}`,
    });
  }
  if (ramMapFrom === null) return unknown(label, 'no RAM map known');
  if (!hasCpus) return unknown(label, 'no registers known', why ?? undefined);
  if (why === null) return unknown(label, `reading cpu ${cpu}’s tables`);
  return unknown(label, why.startsWith('Not found') ? `not found in cpu ${cpu}` : `not mapped in cpu ${cpu}`, why);
}
