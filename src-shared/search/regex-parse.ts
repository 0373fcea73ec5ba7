/** Reads a regular expression on bytes. The grammar is in docs/search.md. */
import { ByteSet } from './byte-set';
import { utf8Bytes } from './encode';
import { ANY_BUT_NEWLINE } from './regex-classes';
import { PatternReader } from './pattern-reader';
import { readClass } from './regex-class';
import { readEscape } from './regex-escape';
import { bytesNode, leastLength, type RegexNode } from './regex-tree';

interface Flags {
  readonly ignoreCase: boolean;
  readonly dotAll: boolean;
}

/** Longest pattern, deepest nesting and most repetitions that are taken. */
const MOST_CHARACTERS = 4096;
const MOST_DEPTH = 100;
const MOST_REPEATS = 1000;

/**
 * The tree of a regular expression. Throws `usage`, with the place in the pattern, for what is no expression, what is not
 * supported, and for one that matches the empty string: that would be found everywhere.
 */
export function parseRegex(pattern: string, ignoreCase: boolean): RegexNode {
  const reader = new PatternReader(pattern);
  if (pattern.length > MOST_CHARACTERS) throw reader.refuse(`it is longer than ${MOST_CHARACTERS} characters`);
  const tree = readAlternatives(reader, { ignoreCase, dotAll: false }, 0);
  if (!reader.atEnd) throw reader.refuse('a ) has no ( before it');
  if (leastLength(tree) === 0) throw reader.refuse('it matches the empty string, which stands everywhere', false);
  return tree;
}

function readAlternatives(reader: PatternReader, flags: Flags, depth: number): RegexNode {
  if (depth > MOST_DEPTH) throw reader.refuse(`groups are nested more than ${MOST_DEPTH} deep`);
  const options: RegexNode[] = [];
  let current = flags;
  do {
    const { node, flagsAfter } = readSequence(reader, current, depth);
    options.push(node);
    current = flagsAfter;
  } while (reader.take('|'));
  const [only, ...more] = options;
  return only !== undefined && more.length === 0 ? only : { kind: 'either', options };
}

function readSequence(
  reader: PatternReader,
  flags: Flags,
  depth: number,
): { readonly node: RegexNode; readonly flagsAfter: Flags } {
  const parts: RegexNode[] = [];
  let current = flags;
  while (!reader.atEnd && !reader.sees('|') && !reader.sees(')')) {
    const change = readFlagChange(reader);
    if (change !== null) current = { ...current, ...change };
    else parts.push(readQuantified(reader, current, depth));
  }
  const [only, ...more] = parts;
  return {
    node: only !== undefined && more.length === 0 ? only : { kind: 'sequence', parts },
    flagsAfter: current,
  };
}

/** `(?i)` and its relatives, which hold to the end of the group they stand in; null when none is here. */
function readFlagChange(reader: PatternReader): Partial<Flags> | null {
  const match = reader.takeMatch(/\(\?([is]*)(?:-([is]+))?\)/y);
  if (match === null) return null;
  return flagsOf(match[1] ?? '', match[2] ?? '');
}

function flagsOf(on: string, off: string): Partial<Flags> {
  return {
    ...(on.includes('i') ? { ignoreCase: true } : {}),
    ...(on.includes('s') ? { dotAll: true } : {}),
    ...(off.includes('i') ? { ignoreCase: false } : {}),
    ...(off.includes('s') ? { dotAll: false } : {}),
  };
}

function readQuantified(reader: PatternReader, flags: Flags, depth: number): RegexNode {
  const node = readAtom(reader, flags, depth);
  const bounds = readQuantifier(reader);
  if (bounds === null) return node;
  const lazy = reader.take('?');
  if (reader.sees('*') || reader.sees('+') || reader.sees('?'))
    throw reader.refuse('a quantifier follows a quantifier');
  return { kind: 'repeat', node, ...bounds, lazy };
}

function readQuantifier(reader: PatternReader): { readonly least: number; readonly most: number | null } | null {
  if (reader.take('*')) return { least: 0, most: null };
  if (reader.take('+')) return { least: 1, most: null };
  if (reader.take('?')) return { least: 0, most: 1 };
  const match = reader.takeMatch(/\{(\d+)(?:(,)(\d*))?\}/y);
  if (match === null) return null;
  const least = Number(match[1]);
  const most = match[2] === undefined ? least : match[3] === '' ? null : Number(match[3]);
  if (Math.max(least, most ?? 0) > MOST_REPEATS) throw reader.refuse(`more than ${MOST_REPEATS} repetitions`);
  if (most !== null && most < least) throw reader.refuse('the most repetitions are fewer than the least');
  return { least, most };
}

const UNSUPPORTED: Readonly<Record<string, string>> = {
  '^': '^ is an anchor, and memory has no lines; write \\^ for the character',
  $: '$ is an anchor, and memory has no lines; write \\$ for the character',
  '*': 'nothing stands before the *',
  '+': 'nothing stands before the +',
  '?': 'nothing stands before the ?',
};

function readAtom(reader: PatternReader, flags: Flags, depth: number): RegexNode {
  if (reader.take('(')) return readGroup(reader, flags, depth);
  if (reader.take('[')) return readClass(reader, flags.ignoreCase);
  if (reader.take('\\')) return inCase(readEscape(reader), flags);
  if (reader.take('.')) return { kind: 'set', set: flags.dotAll ? ByteSet.all : ANY_BUT_NEWLINE };
  const unsupported = UNSUPPORTED[reader.peek()];
  if (unsupported !== undefined) throw reader.refuse(unsupported);
  return inCase(bytesNode(utf8Bytes(reader.next())), flags);
}

/** ASCII letters only: of other characters the case is part of several bytes. */
function inCase(node: RegexNode, { ignoreCase }: Flags): RegexNode {
  if (!ignoreCase) return node;
  if (node.kind === 'set') return { kind: 'set', set: node.set.foldCase() };
  if (node.kind === 'sequence') {
    return { kind: 'sequence', parts: node.parts.map((part) => inCase(part, { ignoreCase, dotAll: false })) };
  }
  return node;
}

function readGroup(reader: PatternReader, flags: Flags, depth: number): RegexNode {
  const inner = readGroupHead(reader, flags);
  const node = readAlternatives(reader, inner, depth + 1);
  if (!reader.take(')')) throw reader.refuse('a ( has no ) behind it');
  return node;
}

/** What may stand behind the `(`: nothing, `?:`, `?i:`, a name. Groups capture nothing here, so a name means nothing. */
function readGroupHead(reader: PatternReader, flags: Flags): Flags {
  if (!reader.sees('?')) return flags;
  if (reader.takeMatch(/\?P?<[A-Za-z_]\w*>/y) !== null) return flags;
  const match = reader.takeMatch(/\?([is]*)(?:-([is]+))?:/y);
  if (match !== null) return { ...flags, ...flagsOf(match[1] ?? '', match[2] ?? '') };
  throw reader.refuse('this kind of group is not supported: looking ahead and behind takes more than one pass');
}
