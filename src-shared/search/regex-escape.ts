import { ByteSet } from './byte-set';
import { utf8Bytes } from './encode';
import type { PatternReader } from './pattern-reader';
import { ESCAPED_BYTES, ESCAPED_CLASSES } from './regex-classes';
import { bytesNode, type RegexNode } from './regex-tree';

const HEX = /x([0-9a-fA-F]{2})/y;

/**
 * What stands behind a backslash: a class, a byte (`\xff`, `\n`, `\0`) or a character that would mean something without.
 * Throws `usage` for anchors, references and letters without a meaning.
 */
export function readEscape(reader: PatternReader): RegexNode {
  if (reader.atEnd) throw reader.refuse('it ends with a backslash');
  const hex = reader.takeMatch(HEX);
  if (hex !== null) return bytesNode([Number.parseInt(hex[1] ?? '', 16)]);
  const character = reader.peek();
  const set = ESCAPED_CLASSES[character];
  if (set !== undefined) {
    reader.next();
    return { kind: 'set', set };
  }
  const byte = ESCAPED_BYTES[character];
  if (byte !== undefined) {
    reader.next();
    return { kind: 'set', set: ByteSet.of(byte) };
  }
  if (/[A-Za-z0-9]/.test(character)) throw reader.refuse(unknownEscape(character));
  return bytesNode(utf8Bytes(reader.next()));
}

function unknownEscape(character: string): string {
  if (character === 'x') return '\\x needs two hexadecimal digits';
  if (/[1-9]/.test(character)) return `\\${character} refers to a group, which is not supported`;
  if ('bBAzZG'.includes(character)) return `\\${character} is an anchor, which is not supported`;
  return `\\${character} has no meaning`;
}
