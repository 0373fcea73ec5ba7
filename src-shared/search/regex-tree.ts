/** A regular expression on bytes as a tree. */
import { ByteSet } from './byte-set';

export type RegexNode =
  /** One byte out of a set. */
  | { readonly kind: 'set'; readonly set: ByteSet }
  | { readonly kind: 'sequence'; readonly parts: readonly RegexNode[] }
  /** The first that fits goes before the others. */
  | { readonly kind: 'either'; readonly options: readonly RegexNode[] }
  /** `most` null: without end. `lazy`: as few as possible first. */
  | {
      readonly kind: 'repeat';
      readonly node: RegexNode;
      readonly least: number;
      readonly most: number | null;
      readonly lazy: boolean;
    };

/** Matches the empty string and nothing else. */
export const NOTHING: RegexNode = { kind: 'sequence', parts: [] };

/** The given bytes one after another. */
export const bytesNode = (bytes: Iterable<number>): RegexNode => ({
  kind: 'sequence',
  parts: Array.from(bytes, (byte) => ({ kind: 'set', set: ByteSet.of(byte) })),
});

/** Fewest bytes that a match has. */
export function leastLength(node: RegexNode): number {
  switch (node.kind) {
    case 'set':
      return 1;
    case 'sequence':
      return node.parts.reduce((sum, part) => sum + leastLength(part), 0);
    case 'either':
      return Math.min(...node.options.map(leastLength));
    case 'repeat':
      return node.least * leastLength(node.node);
  }
}

/** Most bytes that a match has; Infinity where nothing bounds it. */
export function mostLength(node: RegexNode): number {
  switch (node.kind) {
    case 'set':
      return 1;
    case 'sequence':
      return node.parts.reduce((sum, part) => sum + mostLength(part), 0);
    case 'either':
      return Math.max(...node.options.map(mostLength));
    case 'repeat': {
      const inner = mostLength(node.node);
      return inner === 0 ? 0 : (node.most ?? Infinity) * inner;
    }
  }
}

/** Every byte that can stand anywhere in a match. */
export function bytesOf(node: RegexNode): ByteSet {
  switch (node.kind) {
    case 'set':
      return node.set;
    case 'sequence':
      return union(node.parts);
    case 'either':
      return union(node.options);
    case 'repeat':
      return node.most === 0 ? ByteSet.none : bytesOf(node.node);
  }
}

const union = (nodes: readonly RegexNode[]): ByteSet =>
  nodes.reduce((set, node) => set.or(bytesOf(node)), ByteSet.none);

/** The tree that matches every match read from its end. */
export function reversed(node: RegexNode): RegexNode {
  switch (node.kind) {
    case 'set':
      return node;
    case 'sequence':
      return { kind: 'sequence', parts: node.parts.map(reversed).reverse() };
    case 'either':
      return { kind: 'either', options: node.options.map(reversed) };
    case 'repeat':
      return { ...node, node: reversed(node.node) };
  }
}
