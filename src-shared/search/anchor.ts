/**
 * The part of a regular expression that is looked for first: up to three bytes, one after another, that every match has
 * somewhere. Where they do not stand no match can be, so that the automaton runs over few bytes only.
 */
import { ByteSet } from './byte-set';
import { shareOf } from './frequency';
import { bytesOf, leastLength, mostLength, type RegexNode } from './regex-tree';

/** Bytes of an anchor. */
export const ANCHOR_BYTES = 3;
/** Most alternatives of one. */
export const MOST_ROWS = 8;
/** An anchor that stands at more than one place in so many bytes is of no use. */
const SELDOM = 1 / 40;

/** One after another, a byte of each set. */
type Row = readonly ByteSet[];

export interface Anchor {
  /** At least one of these stands in every match; all are `length` long. */
  readonly rows: readonly Row[];
  /** Bytes, 1 … ANCHOR_BYTES. */
  readonly length: number;
  /** Fewest and most (perhaps Infinity) bytes of a match before it. */
  readonly least: number;
  readonly most: number;
  /** Which bytes those can be. */
  readonly leading: ByteSet;
}

/** The anchor that stands at the fewest places; null when none is seldom enough. */
export function chooseAnchor(tree: RegexNode): Anchor | null {
  const best = rarest(anchorsOf(tree));
  return best !== null && shareOfAnchor(best) <= SELDOM ? best : null;
}

/** The share of places at which an anchor stands, 0 … 1, taking bytes as independent of each other. */
const shareOfAnchor = ({ rows }: Anchor): number =>
  Math.min(
    1,
    rows.reduce((sum, row) => sum + row.reduce((share, set) => share * shareOf(set), 1), 0),
  );

/** With bytes before it that nothing bounds, more has to be run through: it has to be the rarer for that. */
const cost = (anchor: Anchor): number => shareOfAnchor(anchor) * (anchor.most === Infinity ? 4 : 1);

const rarest = (anchors: readonly Anchor[]): Anchor | null =>
  anchors.reduce<Anchor | null>((best, one) => (best === null || cost(one) < cost(best) ? one : best), null);

/** What stands before a place in the expression. */
interface Before {
  readonly least: number;
  readonly most: number;
  readonly leading: ByteSet;
}

const NOWHERE: Before = { least: 0, most: 0, leading: ByteSet.none };

function behind(before: Before, node: RegexNode): Before {
  return {
    least: before.least + leastLength(node),
    most: before.most + mostLength(node),
    leading: before.leading.or(bytesOf(node)),
  };
}

const shifted = (anchor: Anchor, before: Before): Anchor => ({
  ...anchor,
  least: before.least + anchor.least,
  most: before.most + anchor.most,
  leading: before.leading.or(anchor.leading),
});

/** All anchors of an expression that are worth comparing. */
function anchorsOf(node: RegexNode): readonly Anchor[] {
  switch (node.kind) {
    case 'set':
      return windowsOf([node.set], NOWHERE);
    case 'sequence':
      return anchorsOfSequence(flattened(node.parts));
    case 'either':
      return anchorsOfEither(node.options);
    case 'repeat':
      // The first time round, which there always is.
      return node.least > 0 ? anchorsOfSequence(flattened([node])) : [];
  }
}

/** Sequences within a sequence taken apart, and repetitions of one byte into what there is of it at least, and the rest. */
function flattened(parts: readonly RegexNode[]): RegexNode[] {
  return parts.flatMap((part): RegexNode[] => {
    if (part.kind === 'sequence') return flattened(part.parts);
    if (part.kind !== 'repeat' || part.node.kind !== 'set' || part.least === 0) return [part];
    const { node, least, most } = part;
    const head = Math.min(least, 2 * ANCHOR_BYTES);
    const rest: RegexNode = { ...part, least: least - head, most: most === null ? null : most - head };
    return [...new Array<RegexNode>(head).fill(node), ...(most === head ? [] : [rest])];
  });
}

function anchorsOfSequence(parts: readonly RegexNode[]): readonly Anchor[] {
  const found: Anchor[] = [];
  let before = NOWHERE;
  for (let at = 0; at < parts.length; at++) {
    const sets = runOfSets(parts, at);
    found.push(...windowsOf(sets, before));
    before = sets.reduce((place, set) => behind(place, { kind: 'set', set }), before);
    at += sets.length;
    const part = parts[at];
    if (part === undefined) break;
    const inner = part.kind === 'repeat' ? innerOfRepeat(part) : anchorsOf(part);
    for (const anchor of inner) found.push(shifted(anchor, before));
    before = behind(before, part);
    // `[a-z]+@`: a letter stands right before the @, be it the first one.
    const again =
      part.kind === 'repeat' && part.node.kind === 'set' && part.node === parts[at - 1] ? part.node.set : null;
    if (again !== null) {
      const place = { ...before, least: before.least - 1, most: before.most - 1 };
      found.push(...windowsOf([again, ...runOfSets(parts, at + 1)].slice(0, ANCHOR_BYTES), place));
    }
  }
  return found;
}

/** The sets that stand one after another from `at` on. */
function runOfSets(parts: readonly RegexNode[], at: number): readonly ByteSet[] {
  const sets: ByteSet[] = [];
  for (let part = parts[at]; part?.kind === 'set'; part = parts[at + sets.length]) sets.push(part.set);
  return sets;
}

const innerOfRepeat = (node: RegexNode & { readonly kind: 'repeat' }): readonly Anchor[] =>
  node.least > 0 ? anchorsOf(node.node) : [];

/** Every window of up to ANCHOR_BYTES bytes in a run of them. */
function windowsOf(sets: readonly ByteSet[], before: Before): readonly Anchor[] {
  const length = Math.min(ANCHOR_BYTES, sets.length);
  const found: Anchor[] = [];
  let place = before;
  for (let at = 0; length > 0 && at + length <= sets.length; at++) {
    found.push({ rows: [sets.slice(at, at + length)], length, ...place });
    place = behind(place, { kind: 'set', set: sets[at] ?? ByteSet.all });
  }
  return found;
}

/** The best of each alternative, together; shorter ones are followed by any byte. */
function anchorsOfEither(options: readonly RegexNode[]): readonly Anchor[] {
  const each = options.map((option) => rarest(anchorsOf(option)));
  const anchors = each.flatMap((one) => (one === null ? [] : [one]));
  const rows = anchors.flatMap((one) => one.rows);
  if (anchors.length < options.length || rows.length > MOST_ROWS) return [];
  const length = Math.max(...anchors.map((one) => one.length));
  return [
    {
      rows: rows.map((row) => [...row, ...new Array<ByteSet>(length - row.length).fill(ByteSet.all)]),
      length,
      least: Math.min(...anchors.map((one) => one.least)),
      most: Math.max(...anchors.map((one) => one.most)),
      leading: anchors.reduce((set, one) => set.or(one.leading), ByteSet.none),
    },
  ];
}
