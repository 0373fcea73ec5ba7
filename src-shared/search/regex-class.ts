import { ByteSet } from './byte-set';
import { utf8Bytes } from './encode';
import type { PatternReader } from './pattern-reader';
import { POSIX_CLASSES } from './regex-classes';
import { readEscape } from './regex-escape';
import { bytesNode, type RegexNode } from './regex-tree';

/**
 * The rest of a `[…]` class. A character outside ASCII is several bytes, so it becomes an alternative; ranges and `[^…]` of
 * such are refused, as `usage`.
 */
export function readClass(reader: PatternReader, ignoreCase: boolean): RegexNode {
  const negated = reader.take('^');
  let set = ByteSet.none;
  const long: RegexNode[] = [];
  for (let first = true; first || !reader.sees(']'); first = false) {
    if (reader.atEnd) throw reader.refuse('a [ has no ] behind it');
    const item = readItem(reader);
    if (item.kind === 'set') set = set.or(readRangeFrom(reader, item.set));
    else long.push(item);
  }
  reader.take(']');
  if (ignoreCase) set = set.foldCase();
  if (negated) {
    if (long.length > 0) throw reader.refuse('[^…] takes single bytes only, and this has a character of several');
    set = set.not();
  }
  if (long.length === 0 && set.size === 0) throw reader.refuse('no byte is in this class');
  if (long.length === 0) return { kind: 'set', set };
  return { kind: 'either', options: set.size === 0 ? long : [{ kind: 'set', set }, ...long] };
}

function readItem(reader: PatternReader): RegexNode {
  const named = reader.takeMatch(/\[:([a-z]+):\]/y);
  if (named !== null) {
    const set = POSIX_CLASSES[named[1] ?? ''];
    if (set === undefined) throw reader.refuse(`there is no class ${named[0]}`);
    return { kind: 'set', set };
  }
  if (reader.take('\\')) return single(readEscape(reader));
  return single(bytesNode(utf8Bytes(reader.next())));
}

/** A sequence of one byte as the set that it is. */
function single(node: RegexNode): RegexNode {
  if (node.kind !== 'sequence') return node;
  const [only, ...more] = node.parts;
  return only !== undefined && more.length === 0 ? only : node;
}

/** `a-z`: the range that begins with this item, or the item alone where no range follows. */
function readRangeFrom(reader: PatternReader, item: ByteSet): ByteSet {
  if (!reader.sees('-') || reader.sees('-]')) return item;
  const [from] = item.bytes();
  if (item.size !== 1 || from === undefined) throw reader.refuse('a range cannot begin with a class');
  reader.take('-');
  if (reader.atEnd) throw reader.refuse('a [ has no ] behind it');
  const last = readItem(reader);
  const to = last.kind === 'set' && last.set.size === 1 ? last.set.bytes()[0] : undefined;
  if (to === undefined) throw reader.refuse('a range ends with something else than one byte');
  if (to < from) throw reader.refuse('the range ends before it begins');
  return ByteSet.range(from, to);
}
