import { describe, expect, it } from 'vitest';
import { failureOf } from '../contracts/failure';
import { ByteSet } from './byte-set';
import { parseRegex } from './regex-parse';

/** The set of bytes that a pattern of one byte matches. */
function setOf(pattern: string, ignoreCase = false): ByteSet {
  const tree = parseRegex(pattern, ignoreCase);
  const node = tree.kind === 'sequence' ? tree.parts[0] : tree;
  if (node?.kind !== 'set') throw new Error(`${pattern} is no set`);
  return node.set;
}

function refusal(pattern: string): string {
  try {
    parseRegex(pattern, false);
  } catch (error) {
    return failureOf(error, '').what;
  }
  return 'taken';
}

describe('a byte of a regular expression', () => {
  // What V8 says of the same bytes as Latin-1 characters; its \s and \w have more characters past ASCII.
  it.each([
    '.',
    'a',
    '\\.',
    '\\d',
    '\\D',
    '\\w',
    '[a-f]',
    '[^a-f]',
    '[-a]',
    '[a-]',
    '[\\x00-\\x1f\\xff]',
    '\\n',
    '\\x41',
    '[\\d_]',
    '[\\]x]',
    '[.]',
    '\\-',
    '\\/',
  ])('%s is that of V8', (pattern) => {
    const v8 = new RegExp(`^(?:${pattern})$`, 's').source;
    const oracle = new RegExp(v8);
    for (let byte = 0; byte < 256; byte++) {
      // Without its flag for it, V8's dot leaves out \r too.
      if (pattern === '.' && byte === 0x0d) continue;
      expect([byte, setOf(pattern).has(byte)]).toEqual([byte, oracle.test(String.fromCharCode(byte))]);
    }
  });

  it.each<[string, ByteSet]>([
    ['\\s', ByteSet.of(9, 10, 11, 12, 13, 32)],
    ['[[:xdigit:]]', ByteSet.range(0x30, 0x39).or(ByteSet.range(0x41, 0x46)).or(ByteSet.range(0x61, 0x66))],
    ['[^[:print:]]', ByteSet.range(0x20, 0x7e).not()],
    ['[]a]', ByteSet.of(0x5d, 0x61)],
    ['(?s).', ByteSet.all],
    ['(?i)k', ByteSet.of(0x4b, 0x6b)],
    ['(?i)[^a]', ByteSet.of(0x41, 0x61).not()],
    ['(?i-i)k', ByteSet.of(0x6b)],
    ['\\e', ByteSet.of(0x1b)],
    ['\\0', ByteSet.of(0)],
  ])('%s has a meaning of its own', (pattern, set) => {
    expect(setOf(pattern).bytes()).toEqual(set.bytes());
  });
});

describe('an expression', () => {
  it.each([
    ['a(b', 'a ( has no ) behind it (character 4 of a(b)'],
    ['a)b', 'a ) has no ( before it (character 2 of a)b)'],
    ['[ab', 'a [ has no ] behind it (character 4 of [ab)'],
    ['*a', 'nothing stands before the * (character 1 of *a)'],
    ['a**', 'a quantifier follows a quantifier (character 3 of a**)'],
    ['^a', '^ is an anchor, and memory has no lines; write \\^ for the character (character 1 of ^a)'],
    ['a$', '$ is an anchor, and memory has no lines; write \\$ for the character (character 2 of a$)'],
    ['\\ba', '\\b is an anchor, which is not supported (character 2 of \\ba)'],
    ['(a)\\1', '\\1 refers to a group, which is not supported (character 5 of (a)\\1)'],
    ['\\q', '\\q has no meaning (character 2 of \\q)'],
    ['\\x1', '\\x needs two hexadecimal digits (character 2 of \\x1)'],
    ['a\\', 'it ends with a backslash (character 3 of a\\)'],
    [
      '(?=a)b',
      'this kind of group is not supported: looking ahead and behind takes more than one pass (character 2 of (?=a)b)',
    ],
    ['a{3,2}', 'the most repetitions are fewer than the least (character 7 of a{3,2})'],
    ['a{1001}', 'more than 1000 repetitions (character 8 of a{1001})'],
    ['[b-a]', 'the range ends before it begins (character 5 of [b-a])'],
    ['[\\d-z]', 'a range cannot begin with a class (character 4 of [\\d-z])'],
    ['[^é]', '[^…] takes single bytes only, and this has a character of several (character 5 of [^é])'],
    ['[[:no:]]', 'there is no class [:no:] (character 8 of [[:no:]])'],
    ['a*', 'it matches the empty string, which stands everywhere'],
    ['', 'it matches the empty string, which stands everywhere'],
    ['(a|)', 'it matches the empty string, which stands everywhere'],
    ['(((((((((((a{900}){900}){900})))))))))', 'taken'],
    [
      `${'('.repeat(101)}a${')'.repeat(101)}`,
      `groups are nested more than 100 deep (character 102 of ${'('.repeat(101)}a${')'.repeat(101)})`,
    ],
    ['a{,3}', 'taken'],
    ['a{x}', 'taken'],
    ['(?<name>a)', 'taken'],
    ['(?P<name>a)', 'taken'],
    ['[é]', 'taken'],
  ])('%s: %s', (pattern, what) => expect(refusal(pattern)).toBe(what));
});
