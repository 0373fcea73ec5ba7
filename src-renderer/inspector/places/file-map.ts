/** The file as a row of bands, to scale or with lengths as logarithms so that a 28-byte header can be seen beside 2 GiB. */
import { counted, ram } from '../../lib/format';
import { lastAtMost } from '../bytes/rows';
import { swatchOf, type Leaf, type Structure } from '../tree/structure';

export type MapScale = 'linear' | 'log';

export interface Band {
  readonly from: number;
  readonly to: number;
  readonly swatch: string | null;
  readonly label: string;
  /** For a band that is too narrow for the label. */
  readonly short: string;
  /** The block of a band of pages. */
  readonly pagesOf: string | null;
  /** Share of the strip: where it begins and how wide it is, 0 … 1. */
  readonly at: number;
  readonly share: number;
}

interface Part {
  readonly from: number;
  readonly to: number;
  readonly key: string;
  readonly swatch: string | null;
  readonly label: string;
  readonly short: string;
  readonly pagesOf: string | null;
}

const gap = (from: number, to: number): Part => ({
  from,
  to,
  key: 'gap',
  swatch: null,
  label: '',
  short: '',
  pagesOf: null,
});

/** Which band a leaf belongs to. The blocks but the largest are one band. */
function partOf(leaf: Leaf, largest: string | null, others: number): Part {
  const { node, kind, parents } = leaf;
  const [from, to] = [node.offset, node.offset + node.length];
  const block = parents.find((parent) => parent.kind === 'block')?.label ?? null;
  const part = (key: string, label: string, short = label): Part => ({
    from,
    to,
    key,
    swatch: key === 'others' ? 'block' : swatchOf(kind),
    label,
    short,
    pagesOf: key === 'pages' ? block : null,
  });
  if (block !== null && block !== largest) return part('others', counted(others, 'small block'), 'blocks');
  const long = block === null ? ram(node.length) : `of ${block}, ${ram(node.length)}`;
  switch (kind) {
    case 'bitmap':
    case 'pages':
      return part(kind, `${kind} ${long}`, kind);
    case 'block':
      return part(kind, 'record');
    case 'device':
      return part(kind, 'devices');
    case 'container':
      return part(kind, 'QEVM');
    default:
      return part(kind, kind);
  }
}

/** Bytes that count for a band's width. */
const weight = (length: number, scale: MapScale): number =>
  scale === 'linear' ? length : Math.log2(length + 1) ** 1.5;

/** The bands of a file, in order; they fill the strip. Bytes of which nothing is known are bands without a swatch. */
export function bandsOf(structure: Structure, size: number, scale: MapScale): readonly Band[] {
  const pages = structure.leaves.filter(({ node }) => node.kind === 'pages');
  const most = pages.reduce<Leaf | null>(
    (best, leaf) => (leaf.node.length > (best?.node.length ?? -1) ? leaf : best),
    null,
  );
  const largest = most?.parents.find(({ kind }) => kind === 'block')?.label ?? null;
  const parts: Part[] = [];
  for (const leaf of structure.leaves) {
    const part = partOf(leaf, largest, pages.length - 1);
    const last = parts.at(-1);
    const end = last?.to ?? 0;
    const [from, to] = [Math.max(part.from, end), Math.min(part.to, size)];
    if (to <= from) continue;
    if (from > end) parts.push(gap(end, from));
    if (last !== undefined && last.key === part.key && from === end) parts[parts.length - 1] = { ...last, to };
    else parts.push({ ...part, from, to });
  }
  const end = parts.at(-1)?.to ?? 0;
  if (end < size) parts.push(gap(end, size));
  return laidOut(parts, scale);
}

function laidOut(parts: readonly Part[], scale: MapScale): readonly Band[] {
  const whole = parts.reduce((sum, { from, to }) => sum + weight(to - from, scale), 0);
  let at = 0;
  return parts.map(({ key: _key, ...part }) => {
    const share = weight(part.to - part.from, scale) / whole;
    const band = { ...part, at, share };
    at += share;
    return band;
  });
}

/** Where an offset is on the strip, 0 … 1. */
export function placeOf(bands: readonly Band[], offset: number): number {
  const band = bands[lastAtMost(bands, offset, ({ from }) => from)];
  if (band === undefined) return 0;
  return band.at + band.share * Math.min(1, (offset - band.from) / (band.to - band.from));
}

/** The offset at a place on the strip. */
export function offsetAt(bands: readonly Band[], place: number): number {
  const band = bands[lastAtMost(bands, place, ({ at }) => at)];
  if (band === undefined) return 0;
  const inside = Math.min(1, Math.max(0, (place - band.at) / band.share));
  return Math.min(band.to - 1, band.from + Math.floor(inside * (band.to - band.from)));
}

/** Offsets to write under the strip when it is to scale: a round step, at most `most` of them. */
export function roundOffsets(size: number, most: number): readonly number[] {
  if (size < 2 || most < 1) return [];
  let step = 2 ** Math.max(0, Math.ceil(Math.log2(size / (most + 1))));
  if (size / step > most + 1) step *= 2;
  const found: number[] = [];
  for (let offset = step; offset < size && found.length < most; offset += step) found.push(offset);
  return found;
}
