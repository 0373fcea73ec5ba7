/** The file as a row of bands, to scale or with lengths as logarithms so that a 28-byte header can be seen beside 2 GiB. */
import { counted, ram } from '../../lib/format';
import { lastAtMost } from '../bytes/rows';
import { swatchOf, type Leaf, type Structure } from '../tree/structure';

export type MapScale = 'linear' | 'log';

/** A stretch of the file. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

interface Part extends Stretch {
  readonly key: string;
  readonly swatch: string;
  readonly label: string;
  /** For a band that is too narrow for the label. */
  readonly short: string;
  /** The block of a band of pages. */
  readonly pagesOf: string | null;
}

export interface Band extends Part {
  /** Share of the strip: where it begins and how wide it is, 0 … 1. */
  readonly at: number;
  readonly share: number;
}

const gap = (from: number, to: number): Part => ({
  from,
  to,
  key: 'gap',
  swatch: 'padding',
  label: 'nothing known',
  short: '',
  pagesOf: null,
});

/** Names of what is not the largest block's. */
interface Names {
  readonly largest: string | null;
  readonly others: string;
  readonly devices: string;
}

/** Which band a leaf belongs to. The blocks but the largest are one band, and so are the devices. */
function partOf({ node, kind, parents }: Leaf, { largest, others, devices }: Names): Part {
  const [from, to] = [node.offset, node.offset + node.length];
  const block = parents.find((parent) => parent.kind === 'block')?.label ?? null;
  const part = (key: string, label: string, short = label): Part => ({
    from,
    to,
    key,
    swatch:
      key === 'others' ? 'block' : kind === 'padding' || kind === 'trailing' ? kind : (swatchOf(kind) ?? 'padding'),
    label,
    short,
    pagesOf: key === 'pages' ? block : null,
  });
  if (block !== null && block !== largest) return part('others', others, 'blocks');
  const long = block === null ? ram(node.length) : `of ${block}, ${ram(node.length)}`;
  switch (kind) {
    case 'bitmap':
    case 'pages':
      return part(kind, `${kind} ${long}`, kind);
    case 'block':
      return part(kind, 'record');
    case 'device':
      return part(kind, devices, 'devices');
    case 'container':
      return part(kind, 'QEVM');
    case 'trailing':
      return part(kind, `${ram(node.length)} behind the end`, 'trailing');
    default:
      return part(kind, kind);
  }
}

/** Bytes that count for a band's width. */
const weight = (length: number, scale: MapScale): number =>
  scale === 'linear' ? length : Math.log2(length + 1) ** 1.5;

/** What the file is made of, in order and without gaps. */
function partsOf(structure: Structure, size: number): readonly Part[] {
  const pages = structure.leaves.filter(({ node }) => node.kind === 'pages');
  const most = pages.reduce<Leaf | null>(
    (best, leaf) => (leaf.node.length > (best?.node.length ?? -1) ? leaf : best),
    null,
  );
  // Below the node of all devices, each has its own.
  const devices = structure.leaves.flatMap(({ kind, node, parents }) => {
    if (kind !== 'device') return [];
    const chain = [...parents, node].filter((one) => one.kind === 'device');
    return [(chain[1] ?? chain[0] ?? node).id];
  });
  const names: Names = {
    largest: most?.parents.find(({ kind }) => kind === 'block')?.label ?? null,
    others: counted(Math.max(1, pages.length - 1), 'small block'),
    devices: counted(new Set(devices).size, 'device'),
  };
  const parts: Part[] = [];
  for (const leaf of structure.leaves) {
    const part = partOf(leaf, names);
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
  return parts;
}

/** The bands of a file, or of the part of it that is in view, in order; they fill the strip. */
export function bandsOf(
  structure: Structure,
  size: number,
  scale: MapScale,
  view: Stretch = { from: 0, to: size },
): readonly Band[] {
  const parts = partsOf(structure, size).flatMap((part): Part[] => {
    const [from, to] = [Math.max(part.from, view.from), Math.min(part.to, view.to)];
    return from < to ? [{ ...part, from, to }] : [];
  });
  const whole = parts.reduce((sum, { from, to }) => sum + weight(to - from, scale), 0);
  let at = 0;
  return parts.map((part) => {
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

/** The least that can be in view: a page. */
export const LEAST_VIEW = 4096;

/** The view `factor` times as close, around an offset that stays where it is; whole pages, within the file. */
export function zoomed(view: Stretch, size: number, factor: number, about: number): Stretch {
  const length = Math.min(size, Math.max(LEAST_VIEW, Math.round((view.to - view.from) / factor)));
  if (length >= size) return { from: 0, to: size };
  const share = (about - view.from) / (view.to - view.from);
  const page = Math.floor(about / LEAST_VIEW) * LEAST_VIEW;
  const from = Math.min(page, Math.max(page + LEAST_VIEW - length, about - share * length));
  return viewOf(from, length, size);
}

/** A stretch of that length that begins near `from`, at a multiple of a page, within the file. */
export function viewOf(from: number, length: number, size: number): Stretch {
  const pages = Math.max(LEAST_VIEW, Math.ceil(length / LEAST_VIEW) * LEAST_VIEW);
  const last = Math.max(0, Math.ceil(size / LEAST_VIEW) * LEAST_VIEW - pages);
  const start = Math.min(last, Math.max(0, Math.floor(from / LEAST_VIEW) * LEAST_VIEW));
  return { from: start, to: Math.min(size, start + pages) };
}

/** A caption above the strip: what is in the bands below it that have no room for their names. */
export interface Caption {
  readonly text: string;
  /** Pixels from the left. */
  readonly left: number;
  readonly width: number;
}

/** Pixels a character takes at most, and what is kept free between two captions. */
const CAPTION_CHAR = 6.2;
const BETWEEN = 12;

/** Framing, of which there is something everywhere and nothing to say. */
const UNSAID: ReadonlySet<string> = new Set(['gap', 'section', 'command', 'eof']);

/**
 * Captions for the bands without names of their own: those side by side in one, in the middle above them; one that is shaded
 * has its own, from its left edge on. Where there is no room for all, those above more of the strip come first.
 */
export function captionsOf(
  bands: readonly Band[],
  width: number,
  named: (band: Band) => 'inside' | 'shaded' | 'above',
): readonly Caption[] {
  const groups: { texts: string[]; from: number; to: number; shaded: boolean }[] = [];
  let open = false;
  for (const band of bands) {
    const how = named(band);
    const end = band.at + band.share;
    if (how === 'shaded') groups.push({ texts: [`${band.label}. ${SHADES}`], from: band.at, to: end, shaded: true });
    if (how === 'above') {
      if (!open) groups.push({ texts: [], from: band.at, to: end, shaded: false });
      const group = groups.at(-1);
      if (group !== undefined) group.to = end;
      if (!UNSAID.has(band.key) && group?.texts.includes(band.label) === false) group.texts.push(band.label);
    }
    open = how === 'above';
  }
  const placed: Caption[] = [];
  for (const { texts, from, to, shaded } of [...groups].sort((a, b) => b.to - b.from - (a.to - a.from))) {
    const text = texts.join(', ');
    const needs = Math.min(width, text.length * CAPTION_CHAR);
    const wanted = shaded ? from * width : ((from + to) / 2) * width - needs / 2;
    const left = Math.min(width - needs, Math.max(0, wanted));
    const isFree = placed.every(
      (other) => left + needs + BETWEEN <= other.left || other.left + other.width + BETWEEN <= left,
    );
    if (text !== '' && isFree) placed.push({ text, left, width: needs });
  }
  return placed.sort((a, b) => a.left - b.left);
}

const SHADES = 'Darker: more pages present. Below: bytes allocated on disk';
