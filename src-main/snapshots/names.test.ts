import { describe, expect, test } from 'vitest';
import { StillframeError } from '@shared/contracts/failure';
import { checkName, isPossibleName, nextFree, suggestName, unfinishedName } from './names';

const codeOf = (work: () => unknown): string | null => {
  try {
    work();
    return null;
  } catch (error) {
    return error instanceof StillframeError ? error.failure.code : 'other';
  }
};

describe('the name of a snapshot', () => {
  test.each([
    ['nothing', ''],
    ['a slash', 'a/b'],
    ['a backslash', 'a\\b'],
    ['a way out', '../../etc'],
    ['one dot', '.'],
    ['two dots', '..'],
    ['a hidden name', '.hidden'],
    ['the name of an unfinished save', unfinishedName()],
    ['a space before', ' a'],
    ['a space after', 'a '],
    ['a line end', 'a\nb'],
    ['a NUL', 'a\0b'],
    ['an escape', 'a\u001b[31mb'],
    ['DEL', 'a\u007f'],
    ['a right-to-left override', 'a\u202egpj'],
    ['a zero-width space', 'a\u200bb'],
    ['a line separator', 'a\u2028b'],
    ['a byte order mark', '\ufeffa'],
    ['half a surrogate pair', 'a\ud800'],
    ['a private character', 'a\ue000'],
    ['201 bytes', 'x'.repeat(201)],
    ['67 three-byte characters', '語'.repeat(67)],
  ])('is not %s', (_, name) => {
    expect(codeOf(() => checkName(name))).toBe('library.bad-name');
    expect(isPossibleName(name)).toBe(false);
  });

  test.each(['a', 'before-llvm-21', 'vor dem Update', 'снимок', '語', '🎞 one', 'a.b', "it's", '-x', 'x'.repeat(200)])(
    'may be %s',
    (name) => {
      expect(checkName(name)).toBe(name);
    },
  );

  test('is compared in composed form', () => {
    expect(checkName('Ka\u0308se')).toBe('K\u00e4se');
  });
});

describe('a name that Stillframe gives', () => {
  const at = new Date(2026, 10, 23, 4, 5, 9);

  test('says machine and local time', () => {
    expect(suggestName('demo', at, () => false)).toBe('demo 2026-11-23 04.05.09');
  });

  test.each(['a/b', '..', '\u202e', '', 'x'.repeat(500), '語'.repeat(300), '.saving-1', 'a\ud800b'])(
    'is legal whatever the machine is called (%j)',
    (machine) => {
      expect(isPossibleName(suggestName(machine, at, () => false))).toBe(true);
    },
  );

  test('gets a number where the name is taken', () => {
    const taken = new Set(['a', 'a (2)']);
    expect(nextFree('a', (name) => taken.has(name))).toBe('a (3)');
  });
});
