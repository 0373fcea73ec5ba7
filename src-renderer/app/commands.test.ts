import { expect, test } from 'vitest';
import { matching, type Command } from './commands';

const commands: Command[] = [
  { text: 'Show before-save in the library', words: 'note about kernels', run: () => undefined },
  { text: 'Save deb13…', run: () => undefined },
  { text: 'Pause deb13', run: () => undefined },
];
const found = (query: string): string[] => matching(commands, query).map(({ text }) => text);

test('nothing typed offers everything, in order', () => expect(found('')).toEqual(commands.map(({ text }) => text)));
test('what starts with the typed text comes first', () =>
  expect(found('save')).toEqual(['Save deb13…', 'Show before-save in the library']));
test('every word counts, in any order and case', () => expect(found('DEB13 pause')).toEqual(['Pause deb13']));
test('hidden words are found, too', () => expect(found('kernels')).toEqual(['Show before-save in the library']));
test('nothing matches nothing', () => expect(found('zzz')).toEqual([]));
