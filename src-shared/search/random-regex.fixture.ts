/** Regular expressions made by chance, for comparisons with V8. */

/** Numbers that look random and are the same every time. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor(state / 65536) % below;
  };
}

const ATOMS = ['a', 'b', 'c', '[ab]', '[^a]', '.', '\\x00', '(?:ab)', '(?:ca)'];
const QUANTIFIERS = ['', '', '', '', '*', '+', '?', '{2}', '{1,3}', '*?', '+?', '??', '{0,2}?'];

/**
 * An expression over a, b, c, newline and zero that does not match the empty string; null where chance made one that does.
 * Groups are not repeated: of repetitions of what can be empty JavaScript has a rule of its own.
 */
export function randomRegex(random: (below: number) => number): string | null {
  const pick = (list: readonly string[]): string => list[random(list.length)] ?? '';
  const sequence = (depth: number): string =>
    Array.from({ length: 1 + random(3) }, () =>
      depth > 0 && random(3) === 0
        ? `(?:${sequence(depth - 1)}|${sequence(depth - 1)})`
        : `${pick(ATOMS)}${pick(QUANTIFIERS)}`,
    ).join('');
  const pattern = random(3) === 0 ? `${sequence(2)}|${sequence(1)}` : sequence(2);
  return new RegExp(`^(?:${pattern})$`).test('') ? null : pattern;
}
