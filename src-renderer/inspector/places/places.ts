/** What a person types into the location bar, read as a place to go to. */
import { hex } from '@shared/bytes/units';
import type { BlockReport, LocateQuery, TranslateQuery } from '@shared/contracts/inspect';
import type { RamRange } from '@shared/contracts/library';
import { placeOfAddress } from '@shared/ram-map/places';

export type PlaceKind = 'offset' | 'page' | 'gpa' | 'gva';

/**
 * `within` is added to where the query leads: bytes into the page. `offset`: where all of it is in the file; null where that
 * has to be asked.
 */
export type Goal =
  | {
      readonly ok: true;
      readonly query: LocateQuery | TranslateQuery;
      readonly within: number;
      readonly offset: number | null;
    }
  | { readonly ok: false; readonly why: string };

/** File offset of the byte at a guest-physical address; null where no RAM is, or none that has fixed places in the file. */
export function fileOffsetAt(
  { blocks, ramMap }: { readonly blocks: readonly BlockReport[]; readonly ramMap: readonly RamRange[] },
  address: number,
): number | null {
  const place = placeOfAddress(ramMap, address);
  const block = blocks.find(({ name }) => name === place?.block);
  if (place === null || block?.pagesOffset == null || place.offset >= block.usedLength) return null;
  return block.pagesOffset + place.offset;
}

const UNITS: Readonly<Record<string, number>> = {
  k: 2 ** 10,
  kib: 2 ** 10,
  m: 2 ** 20,
  mib: 2 ** 20,
  g: 2 ** 30,
  gib: 2 ** 30,
  t: 2 ** 40,
  tib: 2 ** 40,
};

const no = (why: string): Goal => ({ ok: false, why });

/** Hexadecimal, with or without 0x and gaps, or a decimal number with a unit ("1.5 GiB"); null when it is neither. */
export function parseAddress(text: string): number | null {
  const plain = text.trim().toLowerCase();
  const sized = /^(\d+(?:\.\d+)?)\s*(kib|mib|gib|tib|k|m|g|t)$/.exec(plain);
  if (sized) {
    const value = Number(sized[1]) * (UNITS[sized[2] ?? ''] ?? Number.NaN);
    return Number.isSafeInteger(value) ? value : null;
  }
  const digits = plain.replace(/^0x/, '').replace(/[\s_]+/g, '');
  if (!/^[0-9a-f]{1,16}$/.test(digits)) return null;
  const value = Number.parseInt(digits, 16);
  return Number.isSafeInteger(value) ? value : null;
}

/** A count of pages: decimal, or hexadecimal with 0x. */
function parseNumber(text: string): number | null {
  const plain = text.replace(/[\s_]+/g, '').toLowerCase();
  if (!/^(\d+|0x[0-9a-f]+)$/.test(plain)) return null;
  const value = Number(plain);
  return Number.isSafeInteger(value) ? value : null;
}

/** `pc.ram : 8704 + 0x160`, `pc.ram:8704`, or a page of the block at hand: `8704`. Names may hold colons themselves. */
function parsePage(text: string, blocks: readonly BlockReport[], current: string | null): Goal {
  const [, place = text, more] = /^(.*?)(?:\s*\+\s*([^+]*))?$/.exec(text.trim()) ?? [];
  const colon = place.lastIndexOf(':');
  const name = colon < 0 ? current : place.slice(0, colon).trim();
  const page = parseNumber(place.slice(colon + 1));
  const block = blocks.find((item) => item.name === name);
  if (name === null) return no('Name the block: pc.ram : 8704.');
  if (block === undefined) return no(`This file has no block ${name}.`);
  if (block.pagesOffset === null) return no(`The pages of ${name} are not in this file at fixed places.`);
  if (page === null) return no('A page is a number: pc.ram : 8704, or 0x2200.');
  const total = block.pagesTotal ?? 0;
  if (page >= total) return no(`${name} has ${total} pages; the last is ${total - 1}.`);
  const within = more === undefined ? 0 : parseAddress(more);
  const pageSize = block.pageSize ?? 0;
  if (within === null || within >= pageSize) return no(`A page holds ${hex(pageSize)} bytes.`);
  const offset = block.pagesOffset + page * pageSize + within;
  return { ok: true, query: { kind: 'page', block: block.name, page }, within, offset };
}

/** `ffff8880 01000000`, `0xffff…`, `rip`, `gdt.base`; of another CPU than `usual` with its number behind it: `rip @ 1`. */
function parseVirtual(text: string, usual: number): Goal {
  const [, place = '', number = String(usual)] = /^(.*?)\s*(?:@\s*(\d{1,5}))?$/.exec(text.trim()) ?? [];
  const cpu = Number(number);
  const digits = place.replace(/^0x/i, '').replace(/[\s_]+/g, '');
  if (/^[0-9a-f]{1,16}$/i.test(digits)) {
    return { ok: true, query: { kind: 'gva', gva: hex(BigInt(`0x${digits}`)), cpu }, within: 0, offset: null };
  }
  if (/^[a-z]\w*(\.[a-z]+)?$/i.test(place)) {
    return { ok: true, query: { kind: 'register', register: place.toLowerCase(), cpu }, within: 0, offset: null };
  }
  return no('An address is hexadecimal; a register has its name: rip, or cpu1.rip of the second CPU.');
}

export interface Surroundings {
  readonly size: number;
  readonly blocks: readonly BlockReport[];
  /** The block the cursor is in. */
  readonly block: string | null;
  /** Empty when it is not known. */
  readonly ramMap: readonly RamRange[];
  /** Whose page tables count where none is named. */
  readonly cpu: number;
  /** Names of registers that are known. */
  readonly registers: ReadonlySet<string>;
}

/** What may stand in front of a place, so that it is read as such in any field. */
const PREFIXES: Readonly<Record<string, PlaceKind>> = {
  offset: 'offset',
  file: 'offset',
  page: 'page',
  gpa: 'gpa',
  physical: 'gpa',
  gva: 'gva',
  virtual: 'gva',
};
/** From here on an address is virtual: CPUs have no such physical ones, and files are not as long. */
const VIRTUAL_FROM = 2n ** 47n;

/** What a text is by its form, whichever field it is typed into; the field decides where the form leaves it open. */
export function recognised(
  field: PlaceKind,
  text: string,
  { registers }: Pick<Surroundings, 'registers'>,
): { readonly kind: PlaceKind; readonly text: string } {
  const plain = text.trim();
  const [, word = '', behind = ''] = /^([a-z]+)\s*[\s:=]\s*(.+)$/i.exec(plain) ?? [];
  const named = Object.hasOwn(PREFIXES, word.toLowerCase()) ? PREFIXES[word.toLowerCase()] : undefined;
  if (named !== undefined) return { kind: named, text: behind };
  const [, cpu, ofCpu] = /^cpu\s*(\d{1,5})\s*[.:\s]\s*(.+)$/i.exec(plain) ?? [];
  if (cpu !== undefined && ofCpu !== undefined) return { kind: 'gva', text: `${ofCpu} @ ${cpu}` };
  const [name = ''] = plain.toLowerCase().split(/\s*@/, 1);
  if (registers.has(name)) return { kind: 'gva', text: plain };
  if (plain.includes(':')) return { kind: 'page', text: plain };
  const digits = plain.replace(/^0x/i, '').replace(/[\s_]+/g, '');
  if (/^[0-9a-f]{12,16}$/i.test(digits) && BigInt(`0x${digits}`) >= VIRTUAL_FROM) return { kind: 'gva', text: plain };
  return { kind: field, text: plain };
}

/** Reads `text` as a place, of the kind that the field is for unless its form says another. */
export function parseGoal(field: PlaceKind, text: string, around: Surroundings): Goal {
  const goal = goalOf(field, text, around);
  // Of a place behind the end of a file that was cut off the worker says why it is not there.
  return goal.ok && goal.offset !== null && goal.offset >= around.size ? { ...goal, offset: null } : goal;
}

function goalOf(field: PlaceKind, text: string, around: Surroundings): Goal {
  const { kind, text: place } = recognised(field, text, around);
  if (kind === 'page') return parsePage(place, around.blocks, around.block);
  if (kind === 'gva') return parseVirtual(place, around.cpu);
  const address = parseAddress(place);
  if (address === null) return no('An address is hexadecimal (0x100040), or decimal with a unit (1 MiB).');
  if (kind === 'gpa') {
    if (around.ramMap.length === 0)
      return no('No RAM map is known for this file, so guest-physical addresses are not.');
    return { ok: true, query: { kind: 'gpa', gpa: address }, within: 0, offset: fileOffsetAt(around, address) };
  }
  if (address >= around.size) return no(`The file ends at ${hex(around.size)}.`);
  return { ok: true, query: { kind: 'offset', offset: address }, within: 0, offset: address };
}
