import { describe, expect, it } from 'vitest';
import { DEAD, LazyDfa, MATCHED, SPECIAL } from './dfa';
import { compileProgram } from './nfa';
import { parseRegex } from './regex-parse';
import { randomFrom, randomRegex } from './random-regex.fixture';
import { reversed } from './regex-tree';

interface Found {
  readonly at: number;
  readonly length: number;
}

/** All matches one after another, by walking the tables a byte at a time. `words`: size of the tables. */
function findAll(pattern: string, bytes: Uint8Array, words = 65536): Found[] {
  const tree = parseRegex(pattern, false);
  const make = (direction: 'forwards' | 'backwards'): { dfa: LazyDfa } => ({
    dfa: new LazyDfa(compileProgram(direction === 'forwards' ? tree : reversed(tree)), {
      direction,
      table: new Uint32Array(words),
      columns: new Uint32Array(256),
    }),
  });
  const forwards = make('forwards').dfa;
  const backwards = make('backwards').dfa;
  const found: Found[] = [];
  for (let from = 0; from < bytes.length;) {
    const end = run(forwards, bytes, from, bytes.length);
    if (end === null) break;
    const start = run(backwards, bytes, end - 1, from - 1);
    if (start === null) throw new Error('a match has no start');
    found.push({ at: start + 1, length: end - (start + 1) });
    from = end;
  }
  return found;
}

/** One past the last byte of the match that is found between two places; null when there is none. */
function run(dfa: LazyDfa, bytes: Uint8Array, from: number, to: number): number | null {
  const by = from <= to ? 1 : -1;
  let matched: number | null = null;
  let row = dfa.start;
  for (let at = from; at !== to; at += by) {
    const value = dfa.step(row, bytes[at] ?? 0);
    if (value % 2 === MATCHED) matched = at + by;
    if ((value & SPECIAL) !== 0) break;
    row = value - (value % 2);
  }
  return matched;
}

const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/** What V8 finds in the same bytes taken as Latin-1 characters. */
function oracle(pattern: string, bytes: Uint8Array): Found[] {
  const text = Buffer.from(bytes).toString('latin1');
  return [...text.matchAll(new RegExp(pattern, 'g'))].map((match) => ({ at: match.index, length: match[0].length }));
}

describe('matches of a regular expression', () => {
  it.each([
    ['abc', 'xxabcabxabc'],
    ['a|ab', 'abab'],
    ['ab|a', 'abab'],
    ['abcd|bc', 'xabcdbc'],
    ['bc|abcd', 'xabcdbc'],
    ['a+', 'baaac'],
    ['a+?', 'baaac'],
    ['a.*b', 'xaxxbxxb\nab'],
    ['a.*?b', 'xaxxbxxb\nab'],
    ['(?:ab)+', 'abababxab'],
    ['x{2,3}', 'xxxxxxxx x'],
    ['x{2,3}?', 'xxxxxxxx x'],
    ['x{3}', 'xxxxxxxx'],
    ['[0-9]{3}-[0-9]{4}', '123-4567 12-3456 9123-456789'],
    ['[^a-y]+', 'abzz\x00\xff q'],
    ['y|xyFy', 'xyFyFy'],
    ['(?:y|xyFy)F', 'xyFyF'],
    ['(?:a|b)*c', 'ababcab'],
    ['\\x00\\x00?a', '\x00\x00\x00a\x00a'],
    ['\\d+\\s\\w', '12 a9\t_'],
    ['a(?:b(?:c|d)){1,2}e', 'abce abcbde abcbdbce'],
  ])('%j in %j are those of V8', (pattern, text) => {
    expect(findAll(pattern, latin1(text))).toEqual(oracle(pattern, latin1(text)));
  });

  it('are the same when the table is so small that its rows are forgotten all the time', () => {
    const text = latin1('the (abcde) abcdeabcde cdab'.repeat(20));
    for (const pattern of ['(?:abcde)+|c[a-e]{2}', '[a-e]+ [a-e]+', 'a.{1,5}e']) {
      expect(findAll(pattern, text, 64)).toEqual(oracle(pattern, text));
    }
  });

  it('are those of V8 for a thousand random expressions', () => {
    const random = randomFrom(42);
    let compared = 0;
    while (compared < 1000) {
      const pattern = randomRegex(random);
      if (pattern === null) continue;
      const bytes = Uint8Array.from({ length: 60 }, () => [0x61, 0x62, 0x63, 0x0a, 0][random(5)] ?? 0);
      expect({ pattern, found: findAll(pattern, bytes, 4096) }).toEqual({ pattern, found: oracle(pattern, bytes) });
      compared++;
    }
  });
});

it('a state that cannot match any more is dead', () => {
  const dfa = new LazyDfa(compileProgram(parseRegex('ab', false)), {
    direction: 'backwards',
    table: new Uint32Array(1024),
    columns: new Uint32Array(256),
  });
  expect(dfa.step(dfa.start, 0x62)).toBe(DEAD);
  expect(dfa.step(dfa.start, 0x61) & MATCHED).toBe(0);
});
