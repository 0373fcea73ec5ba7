import { describe, expect, it } from 'vitest';
import { JsonMembers, parseRepeatingJson, type RepeatingJson } from './repeating-json';

/** As `JSON.parse` would give it. */
function plain(value: RepeatingJson): unknown {
  if (value instanceof JsonMembers) {
    return Object.fromEntries(value.members.map(([key, inner]) => [key, plain(inner)]));
  }
  return Array.isArray(value) ? (value as readonly RepeatingJson[]).map(plain) : value;
}

describe('JSON with repeated keys', () => {
  it.each([
    '{}',
    '[]',
    ' [ 1 , -2.5e3 , 0 , true , false , null ] ',
    '{"a": {"b": [{"c": "d"}, []]}, "e": ""}',
    String.raw`"a \"quoted\" \\ word, \u00e4 and \n"`,
    '"[{,:}]"',
  ])('%s is read as JSON.parse reads it', (text) => {
    expect(plain(parseRepeatingJson(text))).toEqual(JSON.parse(text));
  });

  it('keeps every value of a key, and gives the last one for it', () => {
    const value = parseRepeatingJson('{"fields": 1, "size": 2, "fields": 3}');
    expect(value).toEqual(
      new JsonMembers([
        ['fields', 1],
        ['size', 2],
        ['fields', 3],
      ]),
    );
    expect((value as JsonMembers).get('fields')).toBe(3);
  });

  it.each(['', '{', '[1', '{"a"}', '{"a":}', '[1,]', '{"a":1,}', '"open', '01x', 'nul', '1 2', '[1 2]', '{a:1}', '-'])(
    '%s is refused',
    (text) => {
      expect(() => parseRepeatingJson(text)).toThrow(SyntaxError);
      expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
    },
  );
});
